"""Training and scoring as a job of its own: `python -m recommendations.ml.job train|score DIR`.

DIR holds `interactions.npz` and `config.json`; the results are written beside them, each whole or not at all. Progress
goes to stdout, one JSON object a line. Exit code: 0, or 2 after a line `{"event": "error", "message": …}`.
"""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from recommendations.ml.errors import DataError, MLError
from recommendations.ml.job_config import ScoreConfig, TrainConfig
from recommendations.ml.score_job import score_job
from recommendations.ml.train_job import train_job
from recommendations.ml.trainer import out_of_memory


def emit(event: str, **values: Any) -> None:
    """One JSON line on stdout, now."""
    print(json.dumps({"event": event, **values}), flush=True)


def run(task: str, directory: Path) -> None:
    """Run one job. Raises MLError or OSError."""
    if not directory.is_dir():
        raise DataError(f"{directory}: no such directory")
    config = directory / "config.json"
    if task == "train":
        train_job(directory, TrainConfig.load(config), emit)
    else:
        score_job(directory, ScoreConfig.load(config), emit)


def main(arguments: list[str] | None = None) -> int:
    """Run the job that the command line names."""
    parser = ArgumentParser(prog="python -m recommendations.ml.job", description="Train or score in a directory.")
    parser.add_argument("task", choices=("train", "score"))
    parser.add_argument("directory", type=Path)
    options = parser.parse_args(arguments)
    try:
        run(options.task, options.directory)
    except MLError as error:
        emit("error", message=str(error))
        return 2
    except OSError as error:
        emit("error", message=f"{error.filename or options.directory}: {error.strerror}")
        return 2
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        emit("error", message="memory ran out, even with small batches; allow more, or train a smaller architecture")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
