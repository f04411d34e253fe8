from decimal import Decimal
from typing import Any

from django.db import models

_CENT = Decimal("0.01")


class MoneyField(models.DecimalField):
    """An amount in any currency: three decimals are stored, and read as two where the third is 0."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"max_digits": 15, "decimal_places": 3, **options})

    def from_db_value(self, value: Decimal | None, *_context: Any) -> Decimal | None:
        if value is None or not value.is_finite():
            return value
        cents = value.quantize(_CENT)
        return cents if cents == value else value
