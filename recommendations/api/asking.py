"""What a page may ask for, read from the address."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from recommendations.scoring import KEPT
from recommendations.serving import Rules

MOST_VALUES = 100  # of one parameter
LARGEST_PRICE = Decimal(10) ** 10

COUNT = OpenApiParameter(
    "limit", {"type": "integer", "minimum": 1, "maximum": KEPT, "default": 10}, description="How many items."
)
_PRICE = {"type": "number", "minimum": 0, "maximum": float(LARGEST_PRICE)}
RULES = (
    OpenApiParameter("category", OpenApiTypes.STR, many=True, description="Only of these, subcategories included."),
    OpenApiParameter("brand", OpenApiTypes.STR, many=True, description="Only of these."),
    OpenApiParameter("min_price", _PRICE, description="In the shop's currency."),
    OpenApiParameter("max_price", _PRICE, description="In the shop's currency."),
    OpenApiParameter("exclude", OpenApiTypes.STR, many=True, description="Not these items: those in the cart, say."),
    OpenApiParameter("new_only", {"type": "boolean", "default": False}, description="Nothing bought before."),
    OpenApiParameter(
        "diversity",
        {"type": "number", "minimum": 0, "maximum": 1, "default": Rules().diversity},
        description="From 0, the best however alike, to 1.",
    ),
    OpenApiParameter(
        "explore",
        {"type": "boolean", "default": True},
        description="Whether every tenth place goes to an item that hardly anybody knows yet.",
    ),
)

Value = TypeVar("Value")


def count_of(request: Request) -> int:
    """How many items are asked for. Raises ValidationError."""
    limit = request.query_params.get("limit", "10")
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 4 and 1 <= int(limit) <= KEPT):
        raise ValidationError({"limit": [f"Give a whole number from 1 to {KEPT}."]})
    return int(limit)


def rules_of(request: Request) -> Rules:
    """What the shown items must fulfil. Raises ValidationError, naming the parameter."""
    return Rules(
        categories=_texts(request, "category"),
        brands=_texts(request, "brand"),
        min_price=_one(request, "min_price", _price, None, f"Give a price from 0 to {LARGEST_PRICE:,}."),
        max_price=_one(request, "max_price", _price, None, f"Give a price from 0 to {LARGEST_PRICE:,}."),
        exclude=_texts(request, "exclude"),
        new_only=_one(request, "new_only", _flag, False, "Give true or false."),
        diversity=_one(request, "diversity", _share, Rules().diversity, "Give a number from 0 to 1."),
        explore=_one(request, "explore", _flag, True, "Give true or false."),
    )


def _texts(request: Request, name: str) -> tuple[str, ...]:
    values = request.query_params.getlist(name)
    if len(values) > MOST_VALUES or any("\0" in value for value in values):
        raise ValidationError({name: [f"Give at most {MOST_VALUES} values, without NUL."]})
    return tuple(values)


def _one(request: Request, name: str, convert: Callable[[str], Value], default: Value, message: str) -> Value:
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        return convert(text)
    except (ValueError, InvalidOperation, KeyError):
        raise ValidationError({name: [message]}) from None


def _price(text: str) -> Decimal | None:
    price = Decimal(text)
    if not 0 <= price <= LARGEST_PRICE:
        raise ValueError(text)
    return price


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise ValueError(text)
    return share


def _flag(text: str) -> bool:
    return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
