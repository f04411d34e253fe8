"""Numbers of fewer bits for artefacts: what serves needs less of them than what trains.

bfloat16 keeps the upper half of a float32, rounded to the nearest even. int8 keeps whole numbers from -127 to 127 and
one scale a row, so that a row with a large number does not blur the others. Only float32 arrays are touched, and
vectors (biases, norms, weights of neighbours) are never held in less than bfloat16: they are small, or have no rows.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.errors import ConfigError

FLOAT32, BFLOAT16, INT8 = "float32", "bfloat16", "int8"
PRECISIONS = (FLOAT32, BFLOAT16, INT8)
_BFLOAT16, _INT8, _SCALE = "@bfloat16", "@int8", "@scale"  # after the names of packed arrays

Arrays = dict[str, NDArray[Any]]


def check_precision(name: str) -> None:
    """Raise ConfigError for an unknown name."""
    if name not in PRECISIONS:
        raise ConfigError(f"unknown precision {name!r}; known: {', '.join(PRECISIONS)}")


def pack(arrays: Arrays, precision: str) -> Arrays:
    """The same arrays in fewer bits, under names that say how."""
    check_precision(precision)
    packed: Arrays = {}
    for name, array in arrays.items():
        if precision == FLOAT32 or array.dtype != np.float32 or array.ndim == 0:
            packed[name] = array
        elif precision == BFLOAT16 or array.ndim == 1:
            packed[name + _BFLOAT16] = _to_bfloat16(array)
        else:
            packed[name + _SCALE], packed[name + _INT8] = _to_int8(array)
    return packed


def unpack(arrays: Arrays) -> Arrays:
    """What `pack` was given, as float32 again. Raises KeyError when a scale is missing."""
    whole: Arrays = {}
    for name, array in arrays.items():
        if name.endswith(_BFLOAT16):
            bits = array.astype(np.uint32) << np.uint32(16)
            whole[name.removesuffix(_BFLOAT16)] = bits.view(np.float32)
        elif name.endswith(_INT8):
            plain = name.removesuffix(_INT8)
            whole[plain] = array.astype(np.float32) * arrays[plain + _SCALE]
        elif not name.endswith(_SCALE):
            whole[name] = array
    return whole


def _to_bfloat16(array: NDArray[Any]) -> NDArray[np.uint16]:
    bits = np.ascontiguousarray(array).view(np.uint32)
    rounded = bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))
    # Rounding would carry a NaN's bits over into infinity or beyond; its upper half is a NaN by itself.
    halves = np.where(np.isnan(bits.view(np.float32)), bits | np.uint32(0x400000), rounded) >> np.uint32(16)
    return halves.astype(np.uint16)


def _to_int8(array: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Scales [rows, …, 1] and whole numbers of the shape of `array`."""
    values = array.astype(np.float32)
    scale = np.abs(values).max(axis=-1, keepdims=True, initial=0.0) / np.float32(127)
    safe = np.where(scale > 0, scale, np.float32(1))
    return scale.astype(np.float32), np.rint(values / safe).astype(np.int8)
