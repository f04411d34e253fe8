"""The training job: fit and judge every architecture on the same split, then fit it on everything and store it."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.architectures import as_stored, create
from recommendations.ml.architectures.base import Architecture
from recommendations.ml.catalogue import Catalogue
from recommendations.ml.context import Context, FitReport, Progress
from recommendations.ml.devices import limit_memory, resolve_device
from recommendations.ml.errors import DataError
from recommendations.ml.files import write_json
from recommendations.ml.interactions import Interactions
from recommendations.ml.job_config import TrainConfig
from recommendations.ml.judging import judge, judge_fully
from recommendations.ml.outcomes import judge_outcomes, learn_outcomes, outcome_arrays
from recommendations.ml.precision import FLOAT32
from recommendations.ml.splits import Split, split_by_name
from recommendations.ml.text import text_encoder

Emit = Callable[..., None]
# Of the time left, what the search for the number of epochs may take; the fit on all data takes a little longer.
SEARCH_SHARE = 0.42
CHECKPOINTS = "checkpoints"  # of a job that was killed; it goes on from there when it is started again


@dataclass
class Outcome:
    """What is known of every architecture, by name."""

    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    validation_metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    history: dict[str, list[Progress]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Course:
    """The parts that stay the same for every architecture of one job. deadline: of `time.monotonic`."""

    directory: Path
    interactions: Interactions
    features: NDArray[np.float32] | None
    split: Split
    config: TrainConfig
    device: str
    deadline: float | None
    emit: Emit

    def left(self) -> float | None:
        """Seconds of the budget that are left."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


def train_job(directory: Path, config: TrainConfig, emit: Emit) -> None:
    """Run the job in `directory`. Raises MLError for input that cannot be used."""
    started = time.monotonic()
    if config.memory_budget is not None:
        limit_memory(config.memory_budget)
    interactions = Interactions.load(directory / "interactions.npz")
    features: NDArray[np.float32] | None = None
    if catalogue := Catalogue.load(directory / "catalogue.npz"):
        interactions = catalogue.with_all_items(interactions)
        features = catalogue.vectors(interactions.item_ids, text_encoder(config.text_encoder), seed=config.seed)
    split = split_by_name(config.split, interactions)
    if not len(split.test):
        raise DataError("no customer has the three purchases at different times that judging needs")
    course = Course(
        directory=directory,
        interactions=interactions,
        features=features,
        split=split,
        config=config,
        device=resolve_device(config.device),
        deadline=None if config.time_budget is None else started + config.time_budget,
        emit=emit,
    )
    outcome = Outcome()
    # The baselines are quick; what they leave of the budget is the flagship's.
    for name in [*config.baselines, config.architecture]:
        if name not in outcome.metrics:
            _train_one(name, course, outcome)
    outcome.seconds["total"] = round(time.monotonic() - started, 3)
    _write_result(course, outcome)
    shutil.rmtree(directory / CHECKPOINTS, ignore_errors=True)
    emit("done", seconds=outcome.seconds["total"])


def _train_one(name: str, course: Course, outcome: Outcome) -> None:
    started = time.monotonic()
    model = create(name)
    report = _fit(model, course.split.train, "fit", course, share=SEARCH_SHARE)
    course.emit("progress", architecture=name, stage="judge", **_summary(report))
    exclude = course.config.exclude_seen
    outcome.validation_metrics[name] = judge(model, course.split.validation, exclude_seen=exclude)
    outcome.metrics[name] = judge_fully(
        model, course.split.test, before=course.split.train, exclude_seen=exclude, seed=course.config.seed
    )
    outcome.metrics[name] |= _learn_outcomes(model, course) | _lost(model, course, outcome.metrics[name])
    course.emit("judged", architecture=name, metrics=outcome.metrics[name])
    _fit(model, course.interactions, "refit", course, share=1.0)
    model.save(course.directory / "artefacts" / f"{name}.npz", precision=course.config.precision)
    outcome.epochs[name], outcome.history[name] = report.epochs, report.history
    outcome.seconds[name] = round(time.monotonic() - started, 3)


def _lost(model: Architecture, course: Course, metrics: dict[str, float]) -> dict[str, float]:
    """NDCG@10 that is lost when the model is stored in fewer bits; nothing when it is not."""
    if course.config.precision == FLOAT32:
        return {}
    stored = as_stored(model, course.config.precision)
    found = judge(stored, course.split.test, exclude_seen=course.config.exclude_seen, cutoffs=(10,))
    return {"ndcg@10 lost": metrics["ndcg@10"] - found["ndcg@10"]}


def _learn_outcomes(model: Architecture, course: Course) -> dict[str, float]:
    """Learn on the validation step what the scores are worth as probabilities, and judge it on the test step."""
    split, exclude = course.split, course.config.exclude_seen
    kinds = {name: tuple(types) for name, types in course.config.outcome_types.items()}
    options: dict[str, Any] = {"exclude_seen": exclude, "seed": course.config.seed}
    heads = learn_outcomes(model, split.train, split.development, kinds, **options)
    model.outcomes = outcome_arrays(heads)
    return judge_outcomes(model, heads, split.development, course.interactions, **options)


def _fit(model: Any, interactions: Interactions, stage: str, course: Course, *, share: float) -> FitReport:
    left = course.left()
    context = Context(
        validation=course.split.validation if stage == "fit" else None,
        baskets=course.split.baskets,
        exclude_seen=course.config.exclude_seen,
        seed=course.config.seed,
        device=course.device,
        seconds=None if left is None else left * share,
        type_weights={int(code): weight for code, weight in course.config.type_weights.items()},
        features=course.features,
        checkpoint=course.directory / CHECKPOINTS / f"{model.name}-{stage}.pt",
        on_progress=lambda progress: course.emit("progress", architecture=model.name, stage=stage, **progress),
    )
    report: FitReport = model.fit(interactions, context)
    return report


def _summary(report: FitReport) -> Progress:
    """The last epoch's line, or that of a model without epochs."""
    none = {"epoch": 0, "epochs": 0, "loss": None, "ndcg@10": None, "elapsed": 0.0, "eta": 0.0}
    return dict(report.history[-1]) if report.history else none


def _write_result(course: Course, outcome: Outcome) -> None:
    config = course.config
    result = {
        "architecture": config.architecture,
        "baselines": config.baselines,
        "split": course.split.name,
        "exclude_seen": config.exclude_seen,
        "seed": config.seed,
        "device": course.device,
        "metrics": outcome.metrics,
        "validation_metrics": outcome.validation_metrics,
        "customers": course.interactions.n_customers,
        "items": course.interactions.n_items,
        "interactions": len(course.interactions),
        "judged_customers": len(course.split.test),
        "epochs": outcome.epochs[config.architecture],
        "history": outcome.history,
        "seconds": outcome.seconds,
    }
    write_json(course.directory / "result.json", result)
