"""Environments of their own for the packages that we measure ourselves against; made with pip under var/."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "var" / "peers"


class NoPeer(RuntimeError):  # noqa: N818
    """The environment cannot be made; the message says why."""


def python_of(
    name: str, packages: Sequence[str], *, without_dependencies: Sequence[str] = (), borrow: bool = False
) -> Path:
    """The interpreter of the environment `name`, which is made where it is missing.

    borrow: what the environment lacks it takes from ours, so that torch is neither downloaded nor stored twice.
    Raises NoPeer where the packages cannot be had.
    """
    folder = FOLDER / name
    python = folder / "bin" / "python"
    done = folder / ".installed"
    wanted = "\n".join([*packages, *without_dependencies])
    if done.exists() and done.read_text() == wanted:
        return python
    try:
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        _run(*pip, *packages)
        if without_dependencies:
            _run(*pip, "--no-deps", *without_dependencies)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", "") or str(error)
        raise NoPeer(f"{name} cannot be installed: {said.strip().splitlines()[-1]}") from None
    if borrow:
        ours = next(path for path in sys.path if path.endswith("site-packages"))
        own = next((folder / "lib").glob("python*/site-packages"))
        (own / "borrowed.pth").write_text(ours + "\n")  # comes last: what the environment has itself is found first
    done.write_text(wanted)
    return python


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
