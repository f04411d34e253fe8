"""Writing files whole or not at all: a temporary neighbour is renamed onto the path."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray


def write_whole(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Call `write` on a temporary file and rename it; whatever goes wrong, `path` holds the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """One JSON document."""
    text = json.dumps(value, indent=1).encode()
    write_whole(path, lambda file: _put(file, text))


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """One `.npz` archive."""
    named: dict[str, Any] = dict(arrays)
    write_whole(path, lambda file: np.savez(file, **named))


def _put(file: IO[bytes], content: bytes) -> None:
    file.write(content)
