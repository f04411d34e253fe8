import numpy as np
import pytest

from recommendations.ml.errors import DataError
from recommendations.ml.interactions import Interactions


def build(rows):
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 5
    return Interactions.from_arrays(*columns)


def test_events_are_sorted_by_customer_time_and_original_order():
    table = build([(9, 70, 1, 5, 1), (3, 80, 2, 7, 1), (9, 60, 1, 5, 1), (9, 50, 1, 2, 1), (3, 80, 1, 7, 1)])
    assert table.customer_ids.tolist() == [3, 9]
    assert table.item_ids.tolist() == [50, 60, 70, 80]
    assert table.customer_ids[table.customer].tolist() == [3, 3, 9, 9, 9]
    assert table.item_ids[table.item].tolist() == [80, 80, 50, 70, 60]
    assert table.type.tolist() == [2, 1, 1, 1, 1]
    assert table.offsets.tolist() == [0, 2, 5]


def test_moments_number_distinct_times_within_a_customer():
    table = build([(1, 1, 1, 10, 1), (1, 2, 1, 10, 1), (1, 3, 1, 20, 1), (2, 1, 1, 20, 1), (2, 1, 1, 30, 1)])
    assert table.histories.moment.tolist() == [0, 0, 1, 0, 1]


def test_a_table_without_events_is_whole():
    table = build([])
    assert (len(table), table.n_customers, table.n_items) == (0, 0, 0)
    assert len(table.histories) == 0
    assert table.histories.moment.tolist() == []


def test_saved_tables_come_back_equal(tmp_path):
    table = build([(9, 70, 1, 5, 2.5), (3, 80, 2, 7, 1)])
    table.save(tmp_path / "t.npz")
    loaded = Interactions.load(tmp_path / "t.npz")
    for name in ("customer", "item", "type", "time", "value", "customer_ids", "item_ids"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(table, name))
        assert getattr(loaded, name).dtype == getattr(table, name).dtype


def test_another_catalogue_leaves_unknown_items_out():
    table = build([(1, 10, 1, 1, 1), (1, 20, 1, 2, 1), (1, 30, 1, 3, 1)])
    other = table.with_items(np.array([5, 20, 30, 40]))
    assert other.item.tolist() == [1, 2]
    assert other.item_ids[other.item].tolist() == [20, 30]
    assert other.n_customers == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "no interactions"), (b"1 2 3\n7\n", "line 2"), (b"\xff\xfe1 2", "UTF-8"), (b"PK\0\0\0", "not a text")],
)
def test_bad_sequence_files_are_named_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "s.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=reason) as error:
        Interactions.from_sequences(path)
    assert str(path) in str(error.value)


def test_sequences_keep_duplicates_and_the_order_of_the_line(tmp_path):
    path = tmp_path / "s.txt"
    path.write_text("5 30 10 10\n\n4 20\n")
    table = Interactions.from_sequences(path)
    assert table.customer_ids.tolist() == [4, 5]
    assert table.item_ids[table.item].tolist() == [20, 30, 10, 10]
    assert table.time.tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("separator", ["\t", " ", ",", "::"])
def test_ratings_are_read_with_every_separator(tmp_path, separator):
    path = tmp_path / "r.txt"
    path.write_text("\n".join(separator.join(row) for row in (["2", "9", "4.5", "100"], ["1", "8", "3", "90"])))
    table = Interactions.from_ratings(path)
    assert table.customer_ids[table.customer].tolist() == [1, 2]
    assert table.value.tolist() == [3.0, 4.5]
    assert table.time.tolist() == [90, 100]


def test_a_heading_and_ids_that_are_words_are_understood(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("user,item,rating,time\nanna,tea,5,1\nbob,jam,4,2\n")
    table = Interactions.from_ratings(path)
    assert (table.n_customers, table.n_items, len(table)) == (2, 2, 2)


@pytest.mark.parametrize("line", ["1 2 3", "1 2 good 4", "1 2 nan 4"])
def test_bad_ratings_are_named_with_their_line(tmp_path, line):
    path = tmp_path / "r.txt"
    path.write_text(f"1 2 3 4\n{line}\n")
    with pytest.raises(DataError, match="line 2"):
        Interactions.from_ratings(path)


def test_nan_and_ragged_columns_are_refused():
    with pytest.raises(DataError, match="finite"):
        Interactions.from_arrays([1], [1], [1], [1], [float("nan")])
    with pytest.raises(DataError, match="shape"):
        Interactions.from_arrays([1, 2], [1], [1], [1], [1])


def test_a_damaged_or_foreign_npz_is_refused(tmp_path):
    path = tmp_path / "t.npz"
    with pytest.raises(DataError, match="no such file"):
        Interactions.load(path)
    path.write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(DataError, match="not a readable"):
        Interactions.load(path)
    np.savez(path, customer=np.zeros(1, dtype=np.int32))
    with pytest.raises(DataError, match="missing"):
        Interactions.load(path)


def test_an_unsorted_npz_is_refused(tmp_path):
    table = build([(1, 10, 1, 1, 1), (2, 20, 1, 2, 1)])
    arrays = {name: getattr(table, name) for name in ("item", "type", "time", "value", "customer_ids", "item_ids")}
    np.savez(tmp_path / "t.npz", customer=table.customer[::-1], **arrays)
    with pytest.raises(DataError, match="sorted"):
        Interactions.load(tmp_path / "t.npz")
