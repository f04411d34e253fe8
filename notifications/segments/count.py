"""How many customers a rule selects."""

from datetime import timedelta

from django.db import OperationalError, connection, transaction

from notifications.segments.compile import compile_rule


class CountTooSlowError(RuntimeError):
    """The count took longer than it was given."""


def count_segment(rule: object, *, time_limit: timedelta | None = None) -> int:
    """The number of customers that match now.

    Raises RuleError for a faulty rule, CountTooSlowError beyond `time_limit`.
    """
    segment = compile_rule(rule)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if time_limit is not None:
                cursor.execute("SET LOCAL statement_timeout = %s", [int(time_limit.total_seconds() * 1000)])
            cursor.execute(f"SELECT count(*) FROM ({segment.sql}) AS matched", segment.params)
            count = int(cursor.fetchone()[0])
            if time_limit is not None:
                cursor.execute("SET LOCAL statement_timeout = DEFAULT")
            return count
    except OperationalError as error:
        if "statement timeout" in str(error):
            raise CountTooSlowError from error
        raise
