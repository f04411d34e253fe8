"""`python -m recommendations.ml FILE --architecture NAME …`: offline evaluation where Django is not installed."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from recommendations.ml.context import Progress
from recommendations.ml.distributed import process_group, rank
from recommendations.ml.errors import MLError
from recommendations.ml.evaluate import add_arguments, run


def show_progress(progress: Progress) -> None:
    """One line an epoch on stderr."""
    figure = progress.get("ndcg@10")
    parts = [
        f"{progress['stage']} epoch {progress['epoch']}/{progress['epochs']}",
        f"loss {progress['loss']:.4f}",
        *([f"ndcg@10 {figure:.4f}"] if figure is not None else []),
        f"{progress['elapsed']:.0f} s, at most {progress['eta']:.0f} s to go",
    ]
    print("  ".join(parts), file=sys.stderr, flush=True)


def table(result: dict[str, Any]) -> str:
    """The result for a reader."""
    lines = [f"{name:>16}  {value}" for name, value in result.items() if name != "metrics"]
    lines += [f"{name:>16}  {value:.4f}" for name, value in result["metrics"].items()]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0, or 2 after one clear line on stderr."""
    parser = ArgumentParser(prog="python -m recommendations.ml", description="Evaluate a recommender on a file.")
    add_arguments(parser)
    options = parser.parse_args(arguments)
    with process_group():
        try:
            result = run(options, show_progress)
        except MLError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        if rank() == 0:
            print(json.dumps(result) if options.json else table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
