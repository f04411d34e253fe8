"""What went wrong, as an answer: a database that is behind or away asks the caller to come back, and loses nothing."""

import logging
from typing import Any

from django.db import InterfaceError, OperationalError
from rest_framework.exceptions import APIException, Throttled
from rest_framework.response import Response
from rest_framework.views import exception_handler

RETRY_AFTER = 5  # seconds

# SQLSTATEs of a database that is there but behind: cancelled by a time-out, lock not available, deadlock, too many
# connections (PostgreSQL's documentation, appendix A).
_BEHIND = frozenset({"57014", "55P03", "40P01", "53300"})

logger = logging.getLogger(__name__)


class Unavailable(APIException):
    status_code = 503
    default_detail = "The database does not answer. Nothing of this request was stored; send it again."
    default_code = "unavailable"
    wait = RETRY_AFTER  # becomes Retry-After


def handle_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's own handler, which is told what an error of the database means to the caller."""
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("The database refused a request: %s", error)
        behind = getattr(error.__cause__, "pgcode", None) in _BEHIND or "too many clients" in str(error)
        error = (
            Throttled(RETRY_AFTER, "The database is behind. Nothing of this request was stored; send it again.")
            if behind
            else Unavailable()
        )
    return exception_handler(error, context)
