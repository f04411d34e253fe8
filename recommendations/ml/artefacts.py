"""One file a model: named arrays and a JSON description in a `.npz`, without pickle."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.errors import ArtefactError
from recommendations.ml.files import write_arrays
from recommendations.ml.precision import FLOAT32, pack, unpack

FORMAT = "apropos-model"
VERSION = 2
READABLE = (1, 2)  # 1 knew no arrays of fewer bits

Arrays = dict[str, NDArray[Any]]


def write(path: Path, meta: dict[str, Any], arrays: Arrays, *, precision: str = FLOAT32) -> None:
    """Write whole or not at all, float32 arrays in the given precision."""
    description = json.dumps({"format": FORMAT, "version": VERSION, **meta}).encode()
    write_arrays(path, {"__meta__": np.frombuffer(description, dtype=np.uint8), **pack(arrays, precision)})


def read(path: Path) -> tuple[dict[str, Any], Arrays]:
    """The description and the arrays. Raises ArtefactError when the file is missing, damaged or foreign."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = json.loads(arrays.pop("__meta__").tobytes())
        arrays = unpack(arrays)
    except FileNotFoundError:
        raise ArtefactError(f"{path}: no such artefact") from None
    except KeyError:
        raise ArtefactError(f"{path}: not an artefact of this product") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ArtefactError(f"{path}: damaged artefact: {error}") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise ArtefactError(f"{path}: not an artefact of this product")
    if meta.get("version") not in READABLE:
        raise ArtefactError(f"{path}: written by format version {meta.get('version')}, this one reads up to {VERSION}")
    return meta, arrays
