"""What a customer will do at all, with whichever item: the probability of every kind of event in the coming days.

A customer's sequence of events is read as a self-exciting process (Hawkes, 1971): its intensities by kind of event
under kernels from a day to a year, and how long ago everything was, as they stand at one moment. A small network maps
them to outcomes. It learns at moments of the past, each judged by the days that followed it, so that it never sees a
future; the latest of these moments is kept to calibrate the probabilities and to judge them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from recommendations.ml.calibration import Platt, auc, expected_calibration_error
from recommendations.ml.histories import Histories
from recommendations.ml.interactions import Interactions

DAY = 86_400.0
HALF_LIVES = (1.0, 7.0, 30.0, 90.0, 365.0)  # days
NEVER = 3650.0  # days since what has not happened
MOMENTS = 4  # of the past, at most
EXAMPLES = 100_000  # customers looked at in each of them, at most
FEWEST = 20  # customers with the outcome, and as many without it, that a moment must have to be learned from
BLOCK = 50_000  # customers foretold at once
HIDDEN, EPOCHS, BATCH, RATE, DECAY = 32, 15, 512, 3e-3, 0.01

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """An event of one of `types` (empty = of any type) within `days`; `absent` asks that there be none."""

    name: str
    types: tuple[int, ...]
    days: float
    absent: bool = False

    def matches(self, types: NDArray[np.int8]) -> NDArray[np.bool_]:
        """Which events [n] are of this kind."""
        return np.isin(types, self.types) if self.types else np.ones(len(types), dtype=np.bool_)

    def happened(self, histories: Histories, at: float) -> NDArray[np.bool_]:
        """Which rows [b] had the outcome in the days from `at`."""
        within = (histories.time >= at) & (histories.time < at + self.days * DAY) & self.matches(histories.type)
        return (np.bincount(histories.row[within], minlength=len(histories)) > 0) != self.absent


@dataclass(frozen=True)
class Foretold:
    """probability: float64 [n_customers], of an outcome; quality: its base rate, and the expected calibration error and
    the area under the curve among customers that neither the network nor the calibration has seen."""

    probability: NDArray[np.float64]
    quality: dict[str, float]


def foretell(interactions: Interactions, outcome: Outcome, kinds: tuple[Outcome, ...], *, seed: int) -> Foretold | None:
    """What lies ahead of every customer after the last event of all.

    `kinds` are the kinds of events that histories are read by. None when the data is too short or too poor: it takes
    one moment with a whole outlook and as much again behind it, and FEWEST customers of each sort.
    """
    now = float(interactions.time.max(initial=0)) + 1.0
    first = float(interactions.time.min(initial=0))
    reach = outcome.days * DAY
    moments = [now - step * reach for step in range(1, MOMENTS + 1) if now - (step + 1) * reach >= first]
    generator = np.random.default_rng(seed)
    known = [_examples(interactions, at, outcome, kinds, generator) for at in moments]
    known = [(X, y) for X, y in known if min(y.sum(), (~y).sum()) >= FEWEST]
    if not known:
        return None
    latest_X, latest_y = known[0]
    part = generator.permutation(len(latest_y)) % 3  # with one moment only, a third of its customers for each purpose
    learned = known[1:] or [(latest_X[part == 2], latest_y[part == 2])]
    model = _train(np.concatenate([X for X, _ in learned]), np.concatenate([y for _, y in learned]), seed=seed)
    calibration = Platt.fit(model.logits(latest_X[part == 0]), latest_y[part == 0])
    judged = calibration(model.logits(latest_X[part == 1]))
    quality = {
        "rate": float(latest_y.mean()),
        "ece": expected_calibration_error(judged, latest_y[part == 1]),
        "auc": auc(judged, latest_y[part == 1]),
    }
    parts = [calibration(model.logits(signals(block, now, kinds))) for block in _blocks(interactions)]
    return Foretold(np.concatenate(parts), quality)


def signals(histories: Histories, at: float, kinds: tuple[Outcome, ...]) -> Float32:
    """What is known of every row at a moment: [b, f], of its events before that alone."""
    past = histories.keep(histories.time < at)
    age = ((at - past.time) / DAY).astype(np.float32)
    columns = []
    for kind in kinds:
        own = kind.matches(past.type)
        row, own_age = past.row[own], age[own]
        for half_life in HALF_LIVES:
            intensity = np.bincount(row, weights=np.exp2(-own_age / half_life), minlength=len(past))
            columns.append(np.log1p(intensity))
        latest = np.full(len(past), NEVER)
        np.minimum.at(latest, row, own_age)
        columns.append(np.log1p(latest))
    return np.stack([*columns, *_rhythm(past, age)], axis=1).astype(np.float32)


def _rhythm(past: Histories, age: Float32) -> Iterator[NDArray[np.float64]]:
    """How long the customer is known, on how many days it came, and its silence measured by its usual pauses."""
    known, silent = np.zeros(len(past)), np.full(len(past), NEVER)
    np.maximum.at(known, past.row, age)
    np.minimum.at(silent, past.row, age)
    days = np.unique(past.row * 100_000 + np.minimum(age, 99_999).astype(np.int64)) // 100_000
    visits = np.bincount(days, minlength=len(past)).astype(np.float64)
    yield np.log1p(known)
    yield np.log1p(visits)
    yield np.log1p(silent / ((known - silent).clip(min=0.0) / visits.clip(min=1.0) + 1.0))


def _examples(
    interactions: Interactions, at: float, outcome: Outcome, kinds: tuple[Outcome, ...], generator: np.random.Generator
) -> tuple[Float32, NDArray[np.bool_]]:
    """Signals and outcomes of a random part of the customers who were known at a moment."""
    present = np.flatnonzero(np.bincount(interactions.customer[interactions.time < at], minlength=1))
    if len(present) > EXAMPLES:
        present = np.sort(generator.choice(present, EXAMPLES, replace=False))
    histories = interactions.histories.rows(present)
    return signals(histories, at, kinds), outcome.happened(histories, at)


def _blocks(interactions: Interactions) -> Iterator[Histories]:
    for start in range(0, interactions.n_customers, BLOCK):
        yield interactions.histories.slice(start, start + BLOCK)


@dataclass(frozen=True)
class _Network:
    """A linear part and a hidden layer beside it, on standardised signals."""

    centre: Tensor
    spread: Tensor
    linear: nn.Linear
    hidden: nn.Sequential

    def __call__(self, X: Tensor) -> Tensor:
        x = ((X - self.centre) / self.spread).clamp(-5.0, 5.0)
        return (self.linear(x) + self.hidden(x))[:, 0]

    @torch.no_grad()
    def logits(self, X: Float32) -> NDArray[np.float64]:
        """Uncalibrated, [n] of signals [n, f]."""
        result: NDArray[np.float64] = self(torch.from_numpy(X)).double().numpy()
        return result


def _train(X: Float32, y: NDArray[np.bool_], *, seed: int) -> _Network:
    """By cross-entropy, in a generator of its own so that nobody else's draws change."""
    inputs, targets = torch.from_numpy(X), torch.from_numpy(y.astype(np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        width = inputs.shape[1]
        hidden = nn.Sequential(nn.Linear(width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))
        model = _Network(inputs.mean(0), inputs.std(0).clamp(min=1e-3), nn.Linear(width, 1), hidden)
        parameters = [*model.linear.parameters(), *model.hidden.parameters()]
        optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=DECAY)
        for _ in range(EPOCHS):
            for chosen in torch.randperm(len(inputs)).split(BATCH):
                loss = F.binary_cross_entropy_with_logits(model(inputs[chosen]), targets[chosen])
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
    return model
