"""Small made-up histories that a sequence model can learn and a popularity count cannot."""

from pathlib import Path

import numpy as np
import pytest
import torch

from recommendations.ml.interactions import Interactions

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)  # the models are tiny: a second thread would only wait


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"public data is not at {SHARED}")
    return SHARED


def walk(customers: int, items: int, length: int, seed: int) -> Interactions:
    """Everybody walks along a ring of items, from a random start: the next item follows from the last."""
    generator = np.random.default_rng(seed)
    start = generator.integers(0, items, customers)
    item = (start[:, None] + np.arange(length)) % items
    customer = np.repeat(np.arange(customers), length)
    time = np.tile(np.arange(length) * 86_400, customers)
    ones = np.ones(customers * length)
    return Interactions.from_arrays(customer + 1000, item.ravel() + 500, ones, time, ones)


def habits(customers: int, items: int, orders: int, seed: int) -> Interactions:
    """Everybody buys the same private three items in every order, and one random item."""
    generator = np.random.default_rng(seed)
    own = np.array([generator.choice(items, 3, replace=False) for _ in range(customers)])
    rows = [
        (customer, item, order * 86_400)
        for customer in range(customers)
        for order in range(orders)
        for item in {*own[customer], int(generator.integers(0, items))}
    ]
    columns = np.array(rows)
    ones = np.ones(len(rows))
    return Interactions.from_arrays(columns[:, 0], columns[:, 1], ones, columns[:, 2], ones)


@pytest.fixture(scope="session")
def ring() -> Interactions:
    return walk(customers=300, items=60, length=8, seed=1)


@pytest.fixture(scope="session")
def repeaters() -> Interactions:
    return habits(customers=200, items=80, orders=6, seed=1)
