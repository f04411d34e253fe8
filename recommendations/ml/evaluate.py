"""Offline evaluation of one architecture on one file; no database, no Django."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from recommendations.ml.architectures import ARCHITECTURES, as_stored, create
from recommendations.ml.context import Context, Progress, ignore_progress
from recommendations.ml.devices import DEVICES, resolve_device
from recommendations.ml.distributed import world
from recommendations.ml.errors import ConfigError, DataError
from recommendations.ml.interactions import Interactions
from recommendations.ml.judging import judge_fully, judge_ratings
from recommendations.ml.precision import FLOAT32, PRECISIONS
from recommendations.ml.privacy import Privacy
from recommendations.ml.splits import SPLITS, split_by_name

READERS: dict[str, Callable[[str | Path], Interactions]] = {
    "sequences": Interactions.from_sequences,
    "ratings": Interactions.from_ratings,
}
# The final fit sees the validation data too and takes a little longer than the search for the number of epochs.
SEARCH_SHARE = 0.45


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `run`, for this command line and for others that wrap it."""
    parser.add_argument("file", help="interactions, one user or one rating a line")
    parser.add_argument("--architecture", required=True, choices=sorted(ARCHITECTURES))
    parser.add_argument("--format", default="sequences", choices=sorted(READERS))
    parser.add_argument("--split", default="leave_last_out", choices=sorted(SPLITS))
    parser.add_argument("--time-budget", type=float, help="seconds of training; default: until it stops paying")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="auto", choices=DEVICES)
    parser.add_argument("--precision", default=FLOAT32, choices=PRECISIONS, help="judge the model as stored in it")
    parser.add_argument("--private-noise", type=float, metavar="SIGMA", help="train privately; says epsilon")
    parser.add_argument("--keep-seen", action="store_true", help="rank items of the history too (repeat-buy shops)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: Namespace, on_progress: Callable[[Progress], None] = ignore_progress) -> dict[str, Any]:
    """Train on all but the last events, judge on the last; the result as design.md names it.

    Raises DataError or ConfigError, with one readable line, for what cannot be evaluated.
    """
    if options.time_budget is not None and options.time_budget <= 0:
        raise ConfigError("the time budget must be positive")
    interactions = READERS[options.format](options.file)
    split = split_by_name(options.split, interactions)
    if not len(split.test):
        raise DataError(f"{options.file}: no user has the three interactions that judging needs")
    model = create(options.architecture)
    budget = options.time_budget
    context = Context(
        validation=split.validation,
        baskets=split.baskets,
        exclude_seen=not options.keep_seen,
        seed=options.seed,
        device=resolve_device(options.device),
        privacy=None if options.private_noise is None else Privacy(noise=options.private_noise),
        seconds=None if budget is None else budget * SEARCH_SHARE,
        on_progress=lambda progress: on_progress({"stage": "fit", **progress}),
    )
    started = time.monotonic()
    report = model.fit(split.train, context)
    final = replace(
        context,
        validation=None,
        seconds=None if budget is None else max(0.0, budget - (time.monotonic() - started)),
        on_progress=lambda progress: on_progress({"stage": "refit", **progress}),
    )
    epsilon = model.fit(split.development, final).epsilon
    trained = time.monotonic()
    if options.precision != FLOAT32:
        model = as_stored(model, options.precision)
    metrics = judge_fully(
        model, split.test, before=split.development, exclude_seen=context.exclude_seen, seed=options.seed
    )
    if options.format == "ratings":
        metrics |= judge_ratings(model, split.test)
    return {
        "architecture": model.name,
        "users": interactions.n_customers,
        "items": interactions.n_items,
        "interactions": len(interactions),
        "judged_users": len(split.test),
        "split": split.name,
        "epochs": report.epochs,
        "seed": options.seed,
        "device": context.device,
        "precision": options.precision,
        **({} if epsilon is None or context.privacy is None else {"epsilon": epsilon, "delta": context.privacy.delta}),
        "processes": world(),
        "train_seconds": round(trained - started, 3),
        "score_seconds": round(time.monotonic() - trained, 3),
        "metrics": metrics,
    }
