"""How many customers a trigger would have let in lately: what detects them, asked about the past."""

import re
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.db import connection

from notifications.campaigns.triggers.candidates import CANDIDATES
from notifications.campaigns.triggers.detect import look_parameters
from notifications.models import Trigger
from notifications.segments import CompiledSegment, compile_rule
from notifications.segments.count import within

LOOKED_BACK = timedelta(days=7)


def count_entrants(trigger: Trigger, *, now: datetime, time_limit: timedelta) -> int:
    """Customers of the segment who would have entered in the `LOOKED_BACK` before `now`, each once.

    Raises CountTooSlowError beyond `time_limit`, RuleError for a segment with a faulty rule.
    """
    segment, names = _named(compile_rule(trigger.campaign.segment.rule, now=now))
    parameters = look_parameters(trigger, since=now - LOOKED_BACK, until=now, now=now)
    with within(time_limit), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(DISTINCT candidate.customer_id) FROM ({CANDIDATES[trigger.kind]}) AS candidate"
            f" WHERE candidate.customer_id IN ({segment})",
            parameters | names,
        )
        return int(cursor.fetchone()[0])


def _named(segment: CompiledSegment) -> tuple[str, dict[str, Any]]:
    """The statement with parameters by name, as the candidates have them."""
    numbers = count()
    text = re.sub(r"%(.)", lambda mark: f"%(s{next(numbers)})s" if mark[1] == "s" else mark[0], segment.sql)
    return text, {f"s{number}": value for number, value in enumerate(segment.params)}
