"""Run the recommender in a process of its own: workers never import torch, and a dead training takes nobody along."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings


class JobError(RuntimeError):
    """The process ended without a result; the message is what it said last."""


@contextmanager
def job_folder() -> Iterator[Path]:
    """A folder on local disk for the arrays of one job; removed at the end."""
    parent = Path(settings.VAR_DIR) / "jobs"
    parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)


class Job:
    """`python -m recommendations.ml.job VERB FOLDER`, with its progress as a stream of dictionaries."""

    def __init__(self, verb: str, folder: Path, config: dict[str, Any]) -> None:
        self.folder = folder
        (folder / "config.json").write_text(json.dumps(config))
        self._log = folder / "stderr.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "recommendations.ml.job", verb, str(folder)],
                cwd=settings.BASE_DIR,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def events(self) -> Iterator[dict[str, Any]]:
        """What the process reports, as it comes. Raises JobError when it fails."""
        error = ""
        for line in self._process.stdout or ():
            event = json.loads(line)
            if event["event"] == "error":
                error = event["message"]
            yield event
        if self._process.wait() != 0:
            raise JobError(error or self._last_words() or f"The job ended with exit code {self._process.returncode}.")

    def run(self) -> None:
        """Run to the end. Raises JobError when it fails."""
        for _ in self.events():
            pass

    def cancel(self) -> None:
        """End the process, politely first."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""
