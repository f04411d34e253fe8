"""`POST /coupons/{code}/validate|reserve|commit|release/`: what a shop's checkout calls."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.idempotency import idempotent, key_header
from notifications.api.coupons import RedemptionSerializer
from notifications.choices import Refusal
from notifications.offers import redeem
from notifications.offers.calculate import Cart, CartLine
from notifications.offers.redeem import Refused
from notifications.offers.terms import describe_offer

# Another order came first, or none did: the same request may succeed later. Every other refusal is final (422).
CONFLICTS = frozenset({Refusal.LIMIT_REACHED, Refusal.BUDGET_EXHAUSTED, Refusal.NOT_RESERVED})
LARGEST_TOTAL = Decimal("9999999999.99")


class LineSerializer(serializers.Serializer[Any]):
    item_id = serializers.CharField(max_length=255, help_text="The shop's own id of the item.")
    quantity = serializers.IntegerField(min_value=1, max_value=1_000_000)
    price = serializers.DecimalField(max_digits=12, decimal_places=2, min_value=Decimal(0), help_text="Per unit.")


class PlacedOrderSerializer(serializers.Serializer[Any]):
    order_id = serializers.CharField(max_length=255, help_text="The shop's own id of the order or checkout.")
    customer_id = serializers.CharField(max_length=255, help_text="The shop's own id of the customer.")


class OrderSerializer(PlacedOrderSerializer):
    currency = serializers.RegexField(r"^[A-Z]{3}$", help_text="ISO 4217.")
    total = serializers.DecimalField(
        max_digits=12,
        decimal_places=2,
        min_value=Decimal(0),
        required=False,
        help_text="Before the discount. Left out, it is the sum of the lines.",
    )
    lines: Any = serializers.ListSerializer(child=LineSerializer(), required=False, max_length=1000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        lines = [CartLine(**line) for line in attrs.pop("lines", [])]
        total = attrs.pop("total", None)
        if total is None and not lines:
            raise serializers.ValidationError({"total": ["Send the total, or the lines that it is the sum of."]})
        cart = Cart.of_lines(lines=lines, currency=attrs["currency"])
        if total is not None:
            cart = Cart(total, cart.currency, cart.lines)
        if cart.total > LARGEST_TOTAL:
            raise serializers.ValidationError({"lines": [f"The sum of the lines is above {LARGEST_TOTAL}."]})
        return {"order_id": attrs["order_id"], "customer_id": attrs["customer_id"], "cart": cart}


class QuoteSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(source="coupon.code")
    discount = serializers.DecimalField(max_digits=12, decimal_places=2)
    currency = serializers.CharField(source="coupon.offer.currency")
    description = serializers.SerializerMethodField(help_text="The terms in one line.")
    valid_until = serializers.DateTimeField(source="coupon.valid_until")

    def get_description(self, quote: redeem.Quote) -> str:
        return describe_offer(quote.coupon.offer)


class RefusalSerializer(serializers.Serializer[Any]):
    refusal = serializers.ChoiceField(choices=Refusal.choices)
    message = serializers.CharField(help_text="A sentence to show to the shopper.")


def _refuse(refused: Refused) -> Response:
    body = {"refusal": str(refused.refusal), "message": str(refused)}
    return Response(body, status=409 if refused.refusal in CONFLICTS else 422)


_EXAMPLE_ORDER = OpenApiExample(
    "An order with its lines",
    {
        "order_id": "100045",
        "customer_id": "17850",
        "currency": "GBP",
        "lines": [
            {"item_id": "85123A", "quantity": 6, "price": "2.55"},
            {"item_id": "71053", "quantity": 8, "price": "3.39"},
        ],
    },
    request_only=True,
)
_EXAMPLE_PLACED = OpenApiExample("An order", {"order_id": "100045", "customer_id": "17850"}, request_only=True)
_REFUSALS = {
    409: OpenApiResponse(
        RefusalSerializer,
        "Refused because of other orders",
        [OpenApiExample("Used", {"refusal": "limit_reached", "message": "This coupon was already used."})],
    ),
    422: OpenApiResponse(
        RefusalSerializer,
        "Refused",
        [OpenApiExample("Expired", {"refusal": "expired", "message": "This coupon has expired."})],
    ),
}


class CouponValidate(APIView):
    @extend_schema(
        summary="What a coupon takes off an order",
        description="Changes nothing, so it suits a cart page. The code may be typed in any case, without dashes.",
        tags=["coupons"],
        parameters=[key_header(required=False)],
        request=OrderSerializer,
        responses={200: QuoteSerializer, **_REFUSALS},
        examples=[_EXAMPLE_ORDER],
    )
    @idempotent(required=False)
    def post(self, request: Request, code: str) -> Response:
        order = OrderSerializer(data=request.data)
        order.is_valid(raise_exception=True)
        try:
            quote = redeem.validate(code=code, **order.validated_data)
        except Refused as refused:
            return _refuse(refused)
        return Response(QuoteSerializer(quote).data)


class CouponReserve(APIView):
    @extend_schema(
        summary="Reserve a coupon for an order",
        description=(
            "Holds one use and the discount for 30 minutes, while the customer pays. Reserving again for the same "
            "order returns the same reservation, priced anew when its total has changed."
        ),
        tags=["coupons"],
        parameters=[key_header(required=True)],
        request=OrderSerializer,
        responses={200: RedemptionSerializer, **_REFUSALS},
        examples=[_EXAMPLE_ORDER],
    )
    @idempotent(required=True)
    def post(self, request: Request, code: str) -> Response:
        order = OrderSerializer(data=request.data)
        order.is_valid(raise_exception=True)
        try:
            redemption = redeem.reserve(code=code, **order.validated_data)
        except Refused as refused:
            return _refuse(refused)
        return Response(RedemptionSerializer(redemption).data)


class CouponCommit(APIView):
    @extend_schema(
        summary="Commit a reservation",
        description="Call it when the order is placed: the coupon is used and the discount is final.",
        tags=["coupons"],
        parameters=[key_header(required=True)],
        request=PlacedOrderSerializer,
        responses={200: RedemptionSerializer, **_REFUSALS},
        examples=[_EXAMPLE_PLACED],
    )
    @idempotent(required=True)
    def post(self, request: Request, code: str) -> Response:
        return _settle(redeem.commit, request, code)


class CouponRelease(APIView):
    @extend_schema(
        summary="Release a reservation, or give a committed coupon back",
        description="Call it when the checkout is abandoned or the order refunded: the use and the budget come back.",
        tags=["coupons"],
        parameters=[key_header(required=True)],
        request=PlacedOrderSerializer,
        responses={200: RedemptionSerializer, **_REFUSALS},
        examples=[_EXAMPLE_PLACED],
    )
    @idempotent(required=True)
    def post(self, request: Request, code: str) -> Response:
        return _settle(redeem.release, request, code)


def _settle(step: Any, request: Request, code: str) -> Response:
    order = PlacedOrderSerializer(data=request.data)
    order.is_valid(raise_exception=True)
    try:
        redemption = step(code=code, **order.validated_data)
    except Refused as refused:
        return _refuse(refused)
    return Response(RedemptionSerializer(redemption).data)
