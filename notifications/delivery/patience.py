"""Patience with a database that restarts: what is known of messages is not forgotten because nobody can write it."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

Result = TypeVar("Result")

AWAY = (OperationalError, InterfaceError)  # restarting, recovering, out of connections or of space, or a deadlock
PATIENCE = 600.0  # seconds; recovery after a crash takes as long as the last checkpoint is old
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0

logger = logging.getLogger(__name__)


def patiently(action: Callable[[], Result], *, seconds: float = PATIENCE) -> Result:
    """Do `action` as soon as the database answers, within `seconds`; after that its last error is raised.

    It may be done twice where the answer to the first time was lost, so it must not matter how often it is done. Inside
    a transaction there is nothing to wait for, since that is lost with its connection.
    """
    until, pause = time.monotonic() + seconds, FIRST_PAUSE
    while True:
        try:
            return action()
        except AWAY as error:
            if connection.in_atomic_block or time.monotonic() + pause > until:
                raise
            logger.warning("The database does not answer, trying again in %.1f s: %s", pause, error)
        connection.close()
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
