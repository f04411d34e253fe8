"""Fewer bits: how far the numbers may move, and that the models in them still rank."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from recommendations.ml.architectures import as_stored, create
from recommendations.ml.context import Context
from recommendations.ml.errors import ConfigError
from recommendations.ml.judging import judge
from recommendations.ml.precision import pack, unpack
from recommendations.ml.splits import leave_last_out

tables = arrays(np.float32, array_shapes(min_dims=1, max_dims=3), elements=st.floats(-1e6, 1e6, width=32))


@settings(deadline=None)
@given(tables)
def test_bfloat16_rounds_as_torch_does(table):
    found = unpack(pack({"a": table}, "bfloat16"))["a"]
    want = torch.from_numpy(table).to(torch.bfloat16).float().numpy()
    np.testing.assert_array_equal(found, want)


@settings(deadline=None)
@given(tables)
def test_int8_is_off_by_at_most_half_a_step_of_its_row(table):
    found = unpack(pack({"a": table}, "int8"))["a"]
    assert found.shape == table.shape
    assert found.dtype == np.float32
    step = np.abs(table).max(axis=-1, keepdims=True) / 127
    bound = step * 0.5001 if table.ndim > 1 else np.abs(table) / 128
    assert (np.abs(found - table) <= bound + 1e-30).all()


def test_what_is_not_a_float_stays_and_nan_stays_nan():
    given_ = {"ids": np.arange(5), "flag": np.array(True), "x": np.array([[np.nan, 1.0]], dtype=np.float32)}
    found = unpack(pack(given_, "bfloat16"))
    np.testing.assert_array_equal(found["ids"], given_["ids"])
    assert found["flag"]
    assert np.isnan(found["x"][0, 0])
    with pytest.raises(ConfigError, match="int8"):
        pack(given_, "int4")


@pytest.mark.parametrize("name", ["rnn", "item_knn"])
@pytest.mark.parametrize(("precision", "share"), [("bfloat16", 0.7), ("int8", 0.6)])
def test_a_smaller_artefact_serves_almost_as_well(name, precision, share, ring, tmp_path):
    split = leave_last_out(ring)
    model = create(name)
    model.fit(split.train, Context(validation=split.validation, seconds=4))
    sizes = {}
    for kind in ("float32", precision):
        model.save(tmp_path / kind, precision=kind)
        sizes[kind] = (tmp_path / kind).stat().st_size
    figures = [judge(one, split.test, exclude_seen=True)["ndcg@10"] for one in (model, as_stored(model, precision))]
    assert figures[1] > 0.98 * figures[0] > 0.3
    if name == "rnn":
        assert sizes[precision] < share * sizes["float32"]
