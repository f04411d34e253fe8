"""import-linter proves the layers: the tree as it is passes, and every planted wrong import is found."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]


@pytest.fixture
def tree(tmp_path):
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.parquet"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def check_layers(tree):
    linter = Path(sys.executable).parent / "lint-imports"
    return subprocess.run([linter, "--no-cache"], cwd=tree, capture_output=True, text=True, check=False)


def test_the_layers_hold(tree):
    result = check_layers(tree)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("catalog/services.py", "import users.models", "Apps depend in one direction"),
        ("users/profiles/refresh.py", "import recommendations.models", "Apps depend in one direction"),
        ("notifications/choices.py", "import demo.history", "Apps depend in one direction"),
        ("recommendations/ml/__init__.py", "import django", "The recommender knows nothing of Django"),
        ("users/models/user.py", "import config.celery", "Apps do not know how they are put together"),
        ("users/models/order.py", "import users.ingestion.orders", "Inside users"),
        ("notifications/models/offer.py", "import notifications.offers.redeem", "Inside notifications"),
        ("notifications/choices.py", "import recommendations.tasks", "admin, api or tasks of recommendations"),
        ("demo/learning.py", "import recommendations.tasks", "admin, api or tasks of recommendations"),
    ],
)
def test_a_wrong_import_is_found(tree, file, line, contract):
    path = tree / file
    path.write_text(f"{path.read_text()}\n{line}\n")
    result = check_layers(tree)
    assert result.returncode != 0
    broken = [text for text in result.stdout.splitlines() if text.rstrip().endswith("BROKEN")]
    assert any(contract in text for text in broken), result.stdout
