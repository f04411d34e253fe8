"""What this app holds of a customer."""

from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from catalog.models import Item
from recommendations.choices import ModelStage
from recommendations.models import ModelVersion, Prediction, Recommendation
from users.privacy.registry import Person, register
from users.privacy.retention import leftover_rule, register_rule


def register_holdings() -> None:
    register("recommendations.Recommendation", section="recommendations", rows=_rows, erase=_erase)
    register("recommendations.Prediction", section="predictions", rows=_predictions, erase=_erase_predictions)


def register_rules() -> None:
    register_rule(leftover_rule("recommendations to erased customers", Recommendation))
    register_rule(leftover_rule("predictions of erased customers", Prediction))


def _rows(person: Person) -> Iterator[dict[str, Any]]:
    for row in Recommendation.objects.filter(customer__in=person.ids).order_by("pk"):
        items = Item.objects.in_bulk({*row.item_ids, *(reason for reason in row.reason_item_ids if reason)})
        for item_id, score, reason_id in zip(row.item_ids, row.scores, row.reason_item_ids, strict=True):
            item, reason = items.get(item_id), items.get(reason_id or 0)
            yield {
                "item_id": item.external_id if item else None,
                "item_title": item.title if item else None,
                "score": score,
                "because_of": reason.external_id if reason else None,
                "scored_at": row.scored_at,
            }


def _erase(person: Person) -> int:
    """Forget what was recommended, and say of the models in use that they have learnt from somebody who is gone."""
    in_use = ModelVersion.objects.filter(stage__in=(ModelStage.CHAMPION, ModelStage.CANDIDATE), stale_since=None)
    in_use.update(stale_since=timezone.now())
    return Recommendation.objects.filter(customer__in=person.ids).delete()[0]


def _predictions(person: Person) -> Iterator[dict[str, Any]]:
    shown = ("click", "cart", "purchase", "churn", "expected_value", "currency", "computed_at")
    yield from Prediction.objects.filter(customer__in=person.ids).order_by("pk").values(*shown)


def _erase_predictions(person: Person) -> int:
    return Prediction.objects.filter(customer__in=person.ids).delete()[0]
