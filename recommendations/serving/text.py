"""Items by their words, in any language and with slips of the pen.

The column `search_document` of the items (made by the database, see the migration) holds the character n-grams of
title, brand and description: three letters at a time of every word, one and two signs at a time where words are not
separated (Chinese, Japanese, Korean). One index thus serves whole words, parts of them, and words that are misspelt.
"""

from typing import Any

from django.db.models import BooleanField, F, FloatField, QuerySet
from django.db.models.expressions import RawSQL

from recommendations.serving.rules import Rules
from recommendations.serving.shown import Shown

MOST = 200  # characters of a question that are looked at
# The database gives a full match in the title 0.61; so much is asked of a match that may be incomplete: about half.
LOOSE = 0.3


def matching_items(words: str, *, limit: int, rules: Rules) -> list[Shown]:
    """The items that may be shown and match `words`, best first.

    Items that hold all of it come first; where they are fewer than `limit`, those that hold most of it follow.
    """
    words = words.replace("\0", " ")[:MOST]
    exact = _shown(_matches(words, rules, "&")[:limit])
    if len(exact) >= limit:
        return exact
    known = {item.pk for item in exact}
    alike = _shown(_matches(words, rules, "|").filter(rank__gt=LOOSE)[:limit])
    loose = [item for item in alike if item.pk not in known]
    return [*exact, *loose][:limit]


def _shown(items: QuerySet[Any]) -> list[Shown]:
    return [Shown._make(row) for row in items.values_list(*Shown._fields)]


def _matches(words: str, rules: Rules, operator: str) -> QuerySet[Any]:
    document = '"catalog_item"."search_document"'
    holds = RawSQL(f"{document} @@ apropos_query(%s, %s)", [words, operator], output_field=BooleanField())  # noqa: S611
    rank = RawSQL(f"ts_rank({document}, apropos_query(%s, '|'))", [words], output_field=FloatField())  # noqa: S611
    best = ("-rank", F("links__buyers").desc(nulls_last=True), "pk")
    return rules.sellable().filter(holds).annotate(rank=rank).order_by(*best)
