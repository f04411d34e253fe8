from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from recommendations.ml import scan, search
from recommendations.ml.search import Index
from recommendations.ml.topk import top_k


@pytest.fixture
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def randn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def agrees(queries: Tensor, vectors: Tensor, k: int) -> None:
    """The products found are the largest, computed in double precision, and belong to the items found."""
    items, values = Index(vectors).search(queries, k)
    count = min(k, len(vectors))
    products = queries.double() @ vectors.double().t()
    want = torch.topk(products, count, dim=1).values.numpy()
    scale = 1e-5 * (queries.norm(dim=1).max() * vectors.norm(dim=1).max()).item()
    np.testing.assert_allclose(values[:, :count], want, rtol=0, atol=scale)
    found = np.take_along_axis(products.numpy(), items[:, :count], axis=1)
    np.testing.assert_allclose(found, want, rtol=0, atol=scale)
    assert all(len(set(row)) == count for row in items[:, :count].tolist())
    assert (items[:, count:] == -1).all()
    assert np.isneginf(values[:, count:]).all()


@pytest.mark.parametrize(
    ("n", "k"), [(9001, 20), (40_000, 100), (4096, 100), (4097, 300), (150, 100), (20, 30), (1, 1), (2049, 5)]
)
def test_the_best_are_found(n, k):
    agrees(randn(1, 133, 16), randn(2, n, 16), k)


def test_more_queries_than_are_taken_at_once():
    agrees(randn(1, 2500, 8), randn(2, 5000, 8), 10)


@pytest.mark.parametrize("d", [1, 2, 3, 64, 65, 1000])
def test_vectors_of_any_length(d):
    agrees(randn(1, 50, d), randn(2, 3001, d), 20)


@pytest.mark.parametrize("scale", [1e-15, 1e-6, 1e6, 1e15])
def test_queries_and_items_of_any_size(scale):
    agrees(randn(1, 50, 16) * scale, randn(2, 3001, 16) / scale, 20)
    queries = torch.tensor([[1.0], [scale], [1 / scale]]) * randn(1, 3, 16)
    agrees(queries[:1], randn(2, 3001, 16), 20)
    items, _ = Index(randn(2, 3001, 16)).search(queries, 20)
    alone = [Index(randn(2, 3001, 16)).search(query[None], 20)[0][0] for query in queries]
    np.testing.assert_array_equal(items, alone)


@pytest.mark.parametrize("m", [1, 3, 5000])
@pytest.mark.usefixtures("four_threads")
def test_several_threads(m):
    agrees(randn(1, m, 8), randn(2, 5000, 8), 10)


SHOPS = {
    "all negative": lambda: -torch.rand(9001, 16) - 0.1,
    "nearly the same": lambda: 100.0 + 0.01 * randn(3, 9001, 16),
    "a few long ones": lambda: randn(3, 9001, 16) * torch.where(torch.arange(9001) % 1000 == 0, 1000.0, 1.0)[:, None],
    "from worst to best": lambda: torch.linspace(-1, 1, 9001)[:, None] * torch.ones(16),
    "all equal": lambda: torch.ones(9001, 16),
    "many twins": lambda: randn(3, 90, 16).repeat(100, 1),
    "nothing": lambda: torch.zeros(9001, 16),
    "tiny": lambda: 1e-15 * randn(3, 9001, 16),
    "the best side by side": lambda: torch.cat([randn(3, 8900, 16) * 0.1, 5 + randn(4, 101, 16)]),
}


@pytest.mark.parametrize("shop", list(SHOPS))
def test_hard_catalogues(shop):
    queries = torch.cat([randn(1, 40, 16), torch.ones(3, 16), torch.zeros(3, 16)])
    agrees(queries, SHOPS[shop](), 50)


def test_a_limit_guessed_too_high_costs_time_but_no_item(monkeypatch):
    monkeypatch.setattr(search, "SURE", 0.0)
    agrees(randn(1, 300, 16), randn(2, 20_000, 16), 50)


def test_queries_that_are_no_numbers_leave_the_others_alone():
    queries, vectors = randn(1, 20, 16), randn(2, 9001, 16)
    want = Index(vectors).search(queries, 10)[0]
    queries[3] = torch.nan
    items, _ = Index(vectors).search(queries, 10)
    others = np.arange(20) != 3
    np.testing.assert_array_equal(items[others], want[others])


@pytest.mark.usefixtures("four_threads")
def test_the_number_of_threads_is_left_alone():
    Index(torch.ones(5000, 8)).search(torch.ones(300, 8), 5)
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize(("m", "n", "k"), [(0, 10, 3), (0, 5000, 3), (4, 0, 3), (4, 5000, 0)])
def test_nobody_asks_or_nothing_is_there(m, n, k):
    items, values = Index(torch.zeros(n, 4)).search(torch.zeros(m, 4), k)
    assert items.shape == values.shape == (m, k)
    assert (items == -1).all()


def test_few_have_to_be_answered_from_all_products(monkeypatch):
    asked = []
    monkeypatch.setattr(search, "top_k", lambda scores, k: asked.append(len(scores)) or top_k(scores, k))
    Index(randn(2, 20_000, 32)).search(randn(1, 1000, 32), 100)
    assert sum(asked) < 30


def test_without_numba_all_products_are_compared(monkeypatch):
    want = Index(randn(2, 9001, 16)).search(randn(1, 20, 16), 10)[0]
    monkeypatch.setattr(search, "find_spec", lambda name: None)
    index = Index(randn(2, 9001, 16))
    assert not index.scanned
    np.testing.assert_array_equal(index.search(randn(1, 20, 16), 10)[0], want)


def test_an_item_that_is_no_number_leaves_the_others_alone():
    vectors = randn(2, 9001, 16)
    want = Index(vectors[1:]).search(randn(1, 20, 16), 10)[0] + 1
    vectors[0] = torch.nan
    items, _ = Index(vectors).search(randn(1, 20, 16), 11)
    for found, expected in zip(items.tolist(), want.tolist(), strict=True):
        assert [item for item in found if item][:10] == expected


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=60), st.data())
def test_the_largest_come_first(values, data):
    k, keys = data.draw(st.integers(1, len(values))), np.array(values)
    best = sorted(values, reverse=True)
    assert scan.best_first(keys, k) == best[k - 1]
    assert sorted(keys[:k].tolist(), reverse=True) == best[:k]
    assert sorted(keys.tolist(), reverse=True) == best


@given(st.lists(st.floats(width=32, allow_nan=False).filter(lambda number: number != 0), min_size=1))
def test_the_bits_of_numbers_in_their_order(values):
    numbers = np.array(values, dtype=np.float32)
    bits = scan.ordered(numbers.view(np.int32).astype(np.int64))
    np.testing.assert_array_equal(numbers[np.argsort(bits, kind="stable")], np.sort(numbers))
    np.testing.assert_array_equal(scan.ordered(bits).astype(np.int32).view(np.float32), numbers)


def test_what_cannot_be_kept_for_later_processes_is_compiled_all_the_same():
    nowhere: dict = {}
    exec("def twice(x): return 2 * x", nowhere)
    assert scan.compiled(nowhere["twice"])(21) == 42
