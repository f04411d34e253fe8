from collections.abc import Iterable
from typing import Any, TypeVar

from rest_framework import serializers

Shown = TypeVar("Shown")


class ShownItem(serializers.Serializer[Shown]):
    """What a list shows of an item. Scores can be compared within one answer only."""

    item_id = serializers.CharField(source="item.external_id")
    title = serializers.CharField(source="item.title")
    price = serializers.DecimalField(source="item.price", max_digits=12, decimal_places=2, allow_null=True)
    currency = serializers.CharField(source="item.currency")
    url = serializers.CharField(source="item.url")
    image_url = serializers.CharField(source="item.image_url")
    score = serializers.FloatField(help_text="Larger is better; comparable within one answer only.")

    def rows(self, shown: Iterable[Shown]) -> list[dict[str, Any]]:
        """One row each. For a serializer that is made once: its fields are made anew with every serializer."""
        return [self.to_representation(each) for each in shown]
