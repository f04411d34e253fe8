"""Admin lists of tables that grow without end: never a full count(*), never a query per row."""

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db import connection
from django.http import HttpRequest
from unfold.admin import ModelAdmin

COUNTED = 10_000


class BoundedPaginator(Paginator):
    """Counts at most 10,000 rows; a list is searched or filtered, not paged through, beyond that."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        counted: int = rows[:COUNTED].count()
        return counted


class BigTableAdmin(ModelAdmin):
    """Base of the admin pages over big tables."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50


class ReadOnlyBigTableAdmin(BigTableAdmin):
    """Facts: they are looked at, not edited."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def estimated_rows(table: str) -> int:
    """The planner's estimate of a table's rows, partitions included; exact after ANALYZE, and free."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint FROM pg_class
            WHERE relkind = 'r' AND (oid = to_regclass(%(table)s)
                  OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass(%(table)s)))
            """,
            {"table": table},
        )
        return int(cursor.fetchone()[0])
