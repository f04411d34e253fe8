"""An item as lists show it."""

from decimal import Decimal
from typing import NamedTuple


class Shown(NamedTuple):
    """What lists need of an item, read as one row: far quicker made than a model.

    Descriptions and attributes are long, and no list shows them.
    """

    pk: int
    external_id: str
    title: str
    price: Decimal | None
    currency: str
    url: str
    image_url: str
    brand: str
    category_id: int | None
    is_repurchasable: bool

    def __str__(self) -> str:
        return self.title
