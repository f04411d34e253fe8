"""What operators copy must agree with the code: .env.example with the settings, compose.yaml with the queues."""

import re
from pathlib import Path

import pytest
import yaml

from config.celery import app

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_SETTINGS = {"POSTGRES_PASSWORD", "WEB_PORT"}  # read by compose.yaml itself


def test_the_example_lists_exactly_the_variables_that_the_settings_read():
    read = set(re.findall(r'\benv\.\w+\(\s*"(\w+)"', (ROOT / "config" / "settings.py").read_text()))
    listed = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert len(read) > 15
    assert listed - NOT_SETTINGS == read


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def test_every_queue_has_a_worker_in_production(services):
    routed = {route["queue"] for route in app.conf.task_routes.values()} | {app.conf.task_default_queue}
    served = set()
    for service in services.values():
        command = service.get("command") or []
        if "--queues" in command:
            served.add(command[command.index("--queues") + 1])
    assert served == routed == {"default", "send", "gpu"}


def test_nothing_starts_before_the_schema_is_migrated(services):
    for name, service in services.items():
        if service.get("image") == "apropos" and name != "migrate":
            assert service["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}, name


def test_the_image_runs_as_nobody_special():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert "USER apropos" in lines
    assert lines.index("USER apropos") < next(i for i, line in enumerate(lines) if line.startswith("CMD"))
