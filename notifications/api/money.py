from decimal import Decimal
from typing import Any

from rest_framework import serializers

from notifications.models.money import MoneyField


class AmountField(serializers.DecimalField):
    """Money as text: two decimals, three where the currency has them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_digits": 15, "decimal_places": 3, **options})

    def to_representation(self, value: Any) -> str:
        amount = Decimal(str(value))
        cents = amount.quantize(Decimal("0.01"))
        return f"{cents if cents == amount else amount.quantize(Decimal('0.001')):f}"


class AmountsSerializer(serializers.ModelSerializer[Any]):
    """A model's serializer that writes its money as `AmountField` does."""

    serializer_field_mapping = {**serializers.ModelSerializer.serializer_field_mapping, MoneyField: AmountField}
