"""How far the loop has come, in `var/demo/state.json`, so that a second start goes on instead of starting over."""

import json
import os
from typing import Any

from demo.folder import STATE_FILE

STEPS = ("import", "train", "score", "send", "simulate", "report")


class State:
    """The loop's memory: finished steps with their seconds, and what the next steps need. Saved at every change."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = _load()

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    def set(self, **values: Any) -> None:
        self.values.update(values)
        self._save()

    def is_done(self, step: str) -> bool:
        return step in self.seconds

    @property
    def seconds(self) -> dict[str, float]:
        """The finished steps, and how long each took."""
        found: dict[str, float] = self.values.get("seconds", {})
        return found

    def start(self, step: str) -> None:
        self.set(step=step)

    def finish(self, step: str, seconds: float) -> None:
        self.set(seconds=self.seconds | {step: round(seconds, 2)}, step="")

    def forget(self) -> None:
        """Begin again, because the database is another one."""
        self.values = {}
        self._save()

    def _save(self) -> None:
        half = STATE_FILE.with_suffix(".half")
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(self.values, file, indent=1)
        half.rename(STATE_FILE)


def _load() -> dict[str, Any]:
    try:
        values = json.loads(STATE_FILE.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
