import logging

import pytest
from celery import Celery
from celery.app.trace import build_tracer

from demo.learning import failure_in


def fails():
    raise ValueError("the artefact does not fit")


def succeeds():
    return 1


@pytest.fixture
def run_task(tmp_path):
    """Runs a function as a Celery task whose worker logs into a file; returns that file."""
    log = tmp_path / "worker.log"

    def run(function):
        app = Celery("tests", set_as_current=False)
        name = f"tests.{function.__name__}"
        app.task(name=name)(function)
        app.finalize()
        handler = logging.FileHandler(log)
        logger = logging.getLogger("celery.app.trace")
        level = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            build_tracer(name, app.tasks[name], app=app)("an-id", (), {}, {"id": "an-id"})
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            handler.close()
        assert name in log.read_text()
        return log

    return run


def test_a_task_that_raised_is_found_in_its_workers_log_with_the_reason(run_task):
    log = run_task(fails)
    assert "the artefact does not fit" in failure_in(log, "an-id")
    assert failure_in(log, "another-id") == ""


def test_a_task_that_succeeded_is_no_failure(run_task):
    assert failure_in(run_task(succeeds), "an-id") == ""
