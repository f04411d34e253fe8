"""The state of a training, so that a killed one goes on where it stood."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from recommendations.ml.files import write_whole


def save_checkpoint(path: Path, key: str, state: dict[str, Any]) -> None:
    """Write whole or not at all; `key` says which training this belongs to."""
    write_whole(path, lambda file: torch.save({"key": key, "state": state}, file))


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
