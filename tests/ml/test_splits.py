import numpy as np
import pytest

from recommendations.ml.errors import ConfigError
from recommendations.ml.interactions import Interactions
from recommendations.ml.splits import leave_last_order_out, leave_last_out, split_by_name


def table(rows):
    customer, item, time = np.array(rows).T
    ones = np.ones(len(rows))
    return Interactions.from_arrays(customer, item, ones, time, ones)


def events(interactions):
    return set(zip(interactions.customer.tolist(), interactions.item.tolist(), interactions.time.tolist(), strict=True))


@pytest.fixture
def shop():
    """Customer 0 has two events; 1 has four at four times; 2 has five at three times."""
    first = [(0, 1, 10), (0, 2, 20)]
    second = [(1, 1, 1), (1, 2, 2), (1, 3, 3), (1, 4, 4)]
    third = [(2, 1, 5), (2, 2, 5), (2, 3, 8), (2, 1, 9), (2, 4, 9)]
    return table([*first, *second, *third])


def test_leave_last_out_hides_one_event_each(shop):
    split = leave_last_out(shop)
    assert split.test.customer.tolist() == [1, 2]
    assert shop.item_ids[split.test.target_items].tolist() == [4, 4]
    assert shop.item_ids[split.validation.target_items].tolist() == [3, 1]
    assert len(split.train) == len(shop) - 4
    assert len(split.development) == len(shop) - 2


def test_leave_last_order_out_hides_whole_baskets(shop):
    split = leave_last_order_out(shop)
    assert split.test.customer.tolist() == [1, 2]
    assert split.test.target_offsets.tolist() == [0, 1, 3]
    assert shop.item_ids[split.test.target_items].tolist() == [4, 1, 4]
    assert shop.item_ids[split.validation.target_items].tolist() == [3, 3]
    assert split.validation.histories.lengths.tolist() == [2, 2]


@pytest.mark.parametrize("name", ["leave_last_out", "leave_last_order_out"])
def test_nothing_hidden_reaches_training_and_nothing_is_lost(name, repeaters):
    split = split_by_name(name, repeaters)
    train, development, everything = events(split.train), events(split.development), events(repeaters)
    assert train < development < everything
    for hidden, before in ((split.validation, split.train), (split.test, split.development)):
        own = np.split(hidden.target_items, hidden.target_offsets[1:-1])
        for row, customer in enumerate(hidden.customer):
            history = hidden.histories.slice(row, row + 1)
            assert history.item.tolist() == before.item[before.customer == customer].tolist()
            later = {
                (c, i) for c, i, t in everything - events(before) if c == customer and t >= history.time.max(initial=0)
            }
            assert {(int(customer), int(item)) for item in own[row]} <= later


def test_nobody_is_judged_without_three_interactions():
    split = leave_last_out(table([(0, 1, 1), (0, 2, 2), (1, 1, 1)]))
    assert len(split.test) == len(split.validation) == 0
    assert len(split.train) == 3


def test_an_unknown_split_is_refused(shop):
    with pytest.raises(ConfigError, match="leave_last_out"):
        split_by_name("coin", shop)
