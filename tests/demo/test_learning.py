import logging

import pytest
from celery import Celery
from celery.app.trace import build_tracer

from demo.learning import failure_in


@pytest.fixture
def run_task(tmp_path):
    """Runs a function as a Celery task, with the worker's own logging going to a file; returns the task's id and it."""
    log = tmp_path / "worker.log"

    def run(function):
        app = Celery("tests", set_as_current=False)
        task = app.task(function, name="tests.task")
        handler = logging.FileHandler(log)
        logger = logging.getLogger("celery.app.trace")
        level = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            build_tracer("tests.task", task, app=app)("an-id", (), {}, {})
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            handler.close()
        return log

    return run


def test_a_task_that_raised_is_found_in_its_workers_log_with_the_reason(run_task):
    def fails():
        raise ValueError("the artefact does not fit")

    log = run_task(fails)
    assert "the artefact does not fit" in failure_in(log, "an-id")
    assert failure_in(log, "another-id") == ""


def test_a_task_that_succeeded_is_no_failure(run_task):
    assert failure_in(run_task(lambda: None), "an-id") == ""
