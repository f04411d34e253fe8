"""pytest plugin: starts embedded PostgreSQL and Valkey for the session, before Django reads its settings.

With DATABASE_URL and REDIS_URL set, the tests run against those servers instead. Where tests run in several processes
(`pytest -n 2`), each process has servers of its own, and the one that only hands tests out has none; given servers can
only serve one process (`-n 0`), because the tests empty Redis.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone, translation

from config.embedded import EmbeddedServers

_TEST_ENVIRONMENT = {
    "SECRET_KEY": "only-for-tests",
    "PII_KEYS": "Yp1Q0s0m7cQm0cQ2m0c5l2xqk3Y3N1yYc0m8mJb3n6E=",
    "BASE_URL": "http://testserver",
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "DEMO": "1",
    "SHOP_NAME": "Test shop",
    "SHOP_CURRENCY": "GBP",
    "LOG_LEVEL": "WARNING",
    "CONN_MAX_AGE": "0",
    "ANYMAIL": '{"WEBHOOK_SECRET": "provider:secret"}',
}


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    os.environ.update(_TEST_ENVIRONMENT)
    directory = tempfile.TemporaryDirectory(prefix="apropos-tests-")
    # The embedded PostgreSQL runs as another user when we are root, and must be able to reach its folder.
    Path(directory.name).chmod(0o755)
    os.environ["MEDIA_ROOT"] = f"{directory.name}/media"
    os.environ["DEMO_DIR"] = f"{directory.name}/demo"  # what a demo of the developer left must not matter
    early_config.add_cleanup(directory.cleanup)
    processes = getattr(early_config.known_args_namespace, "numprocesses", None)
    hands_out = bool(processes) and "PYTEST_XDIST_WORKER" not in os.environ
    if hands_out or ("DATABASE_URL" in os.environ and "REDIS_URL" in os.environ):
        return
    servers = EmbeddedServers(Path(directory.name), durable=False)
    servers.__enter__()
    early_config.add_cleanup(lambda: servers.__exit__(None, None, None))
    os.environ.update(servers.urls)


@pytest.fixture(autouse=True)
def _neutral_language_and_zone() -> Iterator[None]:
    """What a request chose for its reader stays with the thread, and would decide the words of the tests after it."""
    yield
    translation.deactivate()
    timezone.deactivate()
