"""The state of a training, so that a killed one goes on where it stood."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import IO, Any

import torch

from recommendations.ml.files import write_whole


def save_checkpoint(path: Path, key: str, state: dict[str, Any]) -> None:
    """Write whole or not at all; `key` says which training this belongs to. Raises OSError when the disk is full."""
    content = io.BytesIO()  # torch's own writer would hide the reason why a file cannot be written
    torch.save({"key": key, "state": state}, content)
    write_whole(path, lambda file: _put(file, content))


def _put(file: IO[bytes], content: io.BytesIO) -> None:
    file.write(content.getbuffer())


def load_checkpoint(path: Path, key: str) -> dict[str, Any] | None:
    """The state that was saved under `key`; None when there is none that can be used."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile):
        return None  # damaged or foreign: training from the start is always right
    if not isinstance(content, dict) or content.get("key") != key:
        return None
    state: dict[str, Any] = content["state"]
    return state
