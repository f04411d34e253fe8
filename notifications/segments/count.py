"""How many customers a rule selects, which ones for example, and whether it leaves anybody out."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext as _

from catalog.big_tables import estimated_rows
from notifications.segments import nodes
from notifications.segments.compile import compile_node
from notifications.segments.schema import parse_rule

NEARLY_ALL = 0.5  # of the estimated customers; fewer are not everyone, and need not be compared
MANY = 100_000  # customers; where the estimate names fewer, comparing is cheap, and a stale estimate decides nothing


class CountTooSlowError(RuntimeError):
    """The count took longer than it was given."""


@contextmanager
def within(time_limit: timedelta | None) -> Iterator[None]:
    """Run statements each within `time_limit`, with the memory that one large count may take.

    Raises CountTooSlowError beyond it.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # Compiling a statement to machine code costs more than it saves in a second of work.
            cursor.execute("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off")
            if time_limit is not None:
                cursor.execute("SET LOCAL statement_timeout = %s", [int(time_limit.total_seconds() * 1000)])
            yield
            for name in ("work_mem", "jit", "statement_timeout"):
                cursor.execute(f"SET LOCAL {name} = DEFAULT")
    except OperationalError as error:
        if "statement timeout" in str(error):
            raise CountTooSlowError from error
        raise


def count_segment(rule: object, *, time_limit: timedelta | None = None) -> int:
    """The number of customers that match now.

    Raises RuleError for a faulty rule, CountTooSlowError beyond `time_limit`.
    """
    segment = compile_node(parse_rule(rule))
    with within(time_limit):
        return int(_rows(f"SELECT count(*) FROM ({segment.sql}) AS matched", segment.params)[0][0])


def leaves_nobody_out(rule: object, *, count: int, time_limit: timedelta | None = None) -> bool:
    """Whether all customers match, of whom `count` do. Raises as `count_segment` does."""
    parsed = parse_rule(rule)
    estimate = estimated_rows("users_customer")
    if not count or (estimate > MANY and count < NEARLY_ALL * estimate):
        return False
    others = compile_node(nodes.Not(parsed))
    with within(time_limit):
        return not _rows(f"{others.sql} LIMIT 1", others.params)


def audience_warnings(rule: object, *, count: int, time_limit: timedelta | None = None) -> list[str]:
    """What to say about a rule that selects `count` customers: nobody, or everyone. Raises as `count_segment` does."""
    if count == 0:
        return [_("Nobody matches. A campaign with this segment would be sent to no one; widen the rule.")]
    if leaves_nobody_out(rule, count=count, time_limit=time_limit):
        return [_("Everyone matches. If that is not meant, add a condition.")]
    return []


def sample_members(rule: object, *, size: int, time_limit: timedelta | None = None) -> list[int]:
    """Ids of up to `size` customers that match now, picked at random. Raises as `count_segment` does."""
    segment = compile_node(parse_rule(rule))
    with within(time_limit):
        rows = _rows(f"{segment.sql} ORDER BY random() LIMIT %s", (*segment.params, size))
    return [customer_id for (customer_id,) in rows]


def _rows(sql: str, params: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
