import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommendations.ml.encoding import encode
from recommendations.ml.errors import DataError
from recommendations.ml.features import Features

FOUND = Features(
    ids=np.array([3, 5, 9]),
    numbers=np.array([[1.0], [2.0], [3.0]], dtype=np.float32),
    number_names=("price",),
    codes=np.array([[0], [-1], [1]], dtype=np.int32),
    code_names=("brand",),
    words=(("A", "B"),),
)


def test_rows_are_aligned_to_the_ids_of_a_table_of_events():
    aligned = FOUND.aligned(np.array([1, 5, 9, 11]))
    np.testing.assert_array_equal(aligned.number("price"), [np.nan, 2, 3, np.nan])
    assert aligned.code("brand").tolist() == [-1, -1, 1, -1]
    empty = FOUND.aligned(np.array([], dtype=np.int64))
    assert len(empty) == 0
    assert np.isnan(empty.aligned(np.array([4])).numbers).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"ids": np.array([3, 3, 9])},
        {"ids": np.array([3, 5])},
        {"number_names": ("price", "stock")},
        {"words": (("A",),)},
        {"words": ()},
    ],
)
def test_features_that_do_not_fit_together_are_refused(wrong):
    with pytest.raises(DataError):
        Features(**{**FOUND.__dict__, **wrong})


@given(st.lists(st.one_of(st.integers(-5, 5), st.integers(-(2**62), 2**62)), max_size=30))
def test_ids_are_encoded_as_by_sorting_them(ids):
    distinct, position = encode(np.array(ids, dtype=np.int64))
    assert distinct.tolist() == sorted(set(ids))
    assert distinct[position].tolist() == ids
    assert (distinct.dtype, position.dtype) == (np.int64, np.int32)
