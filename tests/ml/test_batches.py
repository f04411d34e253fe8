import numpy as np
import pytest

from recommendations.ml.batches import Moments, TrainingBatches, scoring_batches
from recommendations.ml.ragged import row_of


def asked(batches, seed=1):
    """All (visible items, target items) that an epoch asks for, in no order."""
    pairs = []
    for batch in batches.epoch(np.random.default_rng(seed)):
        assert bool((batch.item[~batch.valid] == batches.moments.n_items).all())
        for query, (row, column) in enumerate(zip(batch.query_row, batch.query_column, strict=True)):
            visible = batch.item[row][batch.valid[row] & (batch.moment[row] <= column)]
            pairs.append((tuple(visible.tolist()), tuple(batch.target_item[batch.target_query == query].tolist())))
    return sorted(pairs)


@pytest.mark.parametrize("baskets", [True, False])
def test_every_moment_is_predicted_once_from_all_before_it(repeaters, baskets):
    moments = Moments(repeaters.histories, n_items=repeaters.n_items, baskets=baskets)
    batches = TrainingBatches(moments, weight=np.ones(len(repeaters), dtype=np.float32), length=100, events=256)
    number = (
        repeaters.histories.moment if baskets else np.concatenate([np.arange(n) for n in np.diff(repeaters.offsets)])
    )
    want = []
    for customer in range(repeaters.n_customers):
        own = repeaters.customer == customer
        for moment in range(1, number[own].max() + 1):
            before, now = repeaters.item[own][number[own] < moment], repeaters.item[own][number[own] == moment]
            want.append((tuple(before.tolist()), tuple(now.tolist())))
    assert asked(batches) == sorted(want)


def test_long_histories_are_windowed_without_losing_or_repeating_a_target(repeaters):
    moments = Moments(repeaters.histories, n_items=repeaters.n_items, baskets=False)
    whole = TrainingBatches(moments, weight=np.ones(len(repeaters), dtype=np.float32), length=1000, events=256)
    cut = TrainingBatches(moments, weight=np.ones(len(repeaters), dtype=np.float32), length=6, events=256)
    assert sorted(target for _, target in asked(cut)) == sorted(target for _, target in asked(whole))
    assert max(len(visible) for visible, _ in asked(cut)) <= 6
    late = [visible for visible, _ in asked(cut) if len(visible) < 3]
    assert len(late) == 2 * repeaters.n_customers  # only the starts of histories have so little behind them


def test_scoring_asks_every_history_at_its_end(repeaters):
    histories = repeaters.histories
    moments = Moments(histories, n_items=repeaters.n_items, baskets=True)
    seen = []
    for rows, batch in scoring_batches(moments, length=2, events=64):
        for position, row in enumerate(rows):
            last_two = histories.moment[row_of(histories.offsets) == row] >= histories.moment.max() - 1
            want = histories.slice(row, row + 1).item[last_two]
            assert batch.item[position][batch.valid[position]].tolist() == want.tolist()
            assert int(batch.query_column[position]) == 1
        seen.extend(rows.tolist())
    assert sorted(seen) == list(range(len(histories)))
