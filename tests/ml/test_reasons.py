import numpy as np

from recommendations.ml.architectures.item_knn import ItemKNN
from recommendations.ml.context import Context
from recommendations.ml.reasons import find_reasons, latest_distinct


def test_the_reason_is_the_item_whose_absence_costs_most(ring):
    model = ItemKNN()
    model.fit(ring, Context())
    histories = ring.histories.slice(0, 20)
    items, _ = model.rank(histories, 3, exclude_seen=True)
    reasons = find_reasons(model, histories, items, block=7)
    for row in range(20):
        history = histories.slice(row, row + 1)
        for item, reason in zip(items[row], reasons[row], strict=True):
            without = {own: model.score(history.keep(history.item != own))[0, item] for own in history.item.tolist()}
            assert without[int(reason)] == min(without.values())


def test_an_empty_history_has_no_reason_and_a_single_item_is_one(ring):
    model = ItemKNN()
    model.fit(ring, Context())
    histories = ring.histories.slice(0, 2)
    first = np.zeros(len(histories.item), dtype=bool)
    first[0] = True
    short = histories.keep(first)
    reasons = find_reasons(model, short, np.array([[5], [5]]))
    assert reasons.tolist() == [[int(histories.item[0])], [-1]]


def test_latest_distinct_items_come_latest_first(repeaters):
    histories = repeaters.histories.slice(0, 5)
    offsets, items = latest_distinct(histories, 4)
    for row in range(5):
        own = histories.slice(row, row + 1).item[::-1].tolist()
        assert items[offsets[row] : offsets[row + 1]].tolist() == list(dict.fromkeys(own))[:4]
