"""`POST /coupons/{code}/validate|reserve|commit|release/`: what a shop's checkout calls."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.idempotency import idempotent, key_header
from notifications.api.coupons import GiftSerializer, RedemptionSerializer
from notifications.api.money import AmountField
from notifications.choices import Refusal
from notifications.models import Redemption
from notifications.offers import redeem, settle
from notifications.offers.cart import Cart, CartLine
from notifications.offers.money import minor_unit
from notifications.offers.refusals import Refused
from notifications.offers.terms import describe_offer

# Another order came first, or none did: the same request may succeed later. Every other refusal is final (422).
CONFLICTS = frozenset(
    {Refusal.LIMIT_REACHED, Refusal.BUDGET_EXHAUSTED, Refusal.NOT_RESERVED, Refusal.OFFER_LIMIT, Refusal.CUSTOMER_LIMIT}
)
LARGEST_TOTAL = Decimal("9999999999.99")


class LineSerializer(serializers.Serializer[Any]):
    item_id = serializers.CharField(max_length=255, help_text="The shop's own id of the item.")
    quantity = serializers.IntegerField(min_value=1, max_value=1_000_000)
    price = AmountField(max_digits=13, min_value=Decimal(0), help_text="Per unit.")


class PlacedOrderSerializer(serializers.Serializer[Any]):
    order_id = serializers.CharField(max_length=255, help_text="The shop's own id of the order or checkout.")
    customer_id = serializers.CharField(max_length=255, help_text="The shop's own id of the customer.")


class OrderSerializer(PlacedOrderSerializer):
    currency = serializers.RegexField(r"^[A-Z]{3}$", help_text="ISO 4217.")
    total = AmountField(
        max_digits=13,
        min_value=Decimal(0),
        required=False,
        help_text="Of the goods, before the discount. Left out, it is the sum of the lines.",
    )
    shipping = AmountField(
        max_digits=13, min_value=Decimal(0), required=False, help_text="What the shipping costs; 0 unless told."
    )
    lines: Any = serializers.ListSerializer(child=LineSerializer(), required=False, max_length=1000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        lines = [CartLine(**line) for line in attrs.pop("lines", [])]
        total, shipping = attrs.pop("total", None), attrs.pop("shipping", Decimal(0))
        if total is None and not lines:
            raise serializers.ValidationError({"total": ["Send the total, or the lines that it is the sum of."]})
        cart = Cart.of_lines(lines=lines, currency=attrs.pop("currency"), shipping=shipping)
        _check_decimals("total", total, cart.currency)
        _check_decimals("shipping", shipping, cart.currency)
        if total is not None:
            cart = Cart(total, cart.currency, cart.lines, shipping)
        if cart.total > LARGEST_TOTAL:
            raise serializers.ValidationError({"lines": [f"The sum of the lines is above {LARGEST_TOTAL}."]})
        return {**attrs, "cart": cart}


def _check_decimals(field: str, amount: Decimal | None, currency: str) -> None:
    if amount is not None and amount % min(minor_unit(currency), Decimal("0.01")):
        raise serializers.ValidationError({field: [f"{currency} has no coin as small as that."]})


class CheckedOrderSerializer(OrderSerializer):
    other_codes: Any = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        max_length=20,
        help_text="Codes of other coupons that are on the cart but not reserved yet.",
    )


class ReturnedLineSerializer(serializers.Serializer[Any]):
    item_id = serializers.CharField(max_length=255)
    quantity = serializers.IntegerField(min_value=1, max_value=1_000_000)


class ReturnSerializer(PlacedOrderSerializer):
    lines: Any = serializers.ListSerializer(
        child=ReturnedLineSerializer(), required=False, max_length=1000, help_text="What came back."
    )
    amount = AmountField(
        max_digits=13,
        required=False,
        min_value=Decimal("0.001"),
        help_text="For orders that were sent without lines: the price of the returned goods before the discount.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs.get("lines")) == ("amount" in attrs):
            raise serializers.ValidationError({"lines": ["Send the returned lines, or else the amount."]})
        attrs["lines"] = [(line["item_id"], line["quantity"]) for line in attrs.get("lines", [])]
        return attrs


class TogetherSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    discount = AmountField()


class QuoteSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(source="coupon.code")
    discount = AmountField()
    shipping_discount = AmountField(source="share.shipping", help_text="The part of it that is off the shipping.")
    points = serializers.IntegerField(source="share.points", help_text="Points that the customer gets.")
    gifts = serializers.SerializerMethodField()
    line_discounts: Any = serializers.SerializerMethodField(help_text="As the lines were sent, none left out.")
    together = serializers.SerializerMethodField(help_text="What all coupons of the order give, this one included.")
    currency = serializers.CharField(source="coupon.offer.currency")
    description = serializers.SerializerMethodField(help_text="The terms in one line.")
    valid_until = serializers.DateTimeField(source="coupon.valid_until")

    def get_description(self, quote: redeem.Quote) -> str:
        return describe_offer(quote.coupon.offer)

    @extend_schema_field(GiftSerializer(many=True))
    def get_gifts(self, quote: redeem.Quote) -> list[dict[str, Any]]:
        return [{"item_id": item_id, "quantity": quantity} for item_id, quantity in quote.share.gifts]

    @extend_schema_field(serializers.ListField(child=AmountField()))
    def get_line_discounts(self, quote: redeem.Quote) -> list[str]:
        return [AmountField().to_representation(amount) for amount in quote.share.lines[:-1]]

    @extend_schema_field(TogetherSerializer(many=True))
    def get_together(self, quote: redeem.Quote) -> Any:
        shares = [{"code": code, "discount": share.discount} for code, share in quote.together.items()]
        return TogetherSerializer(shares, many=True).data


class ReservationSerializer(RedemptionSerializer):
    together = serializers.SerializerMethodField(help_text="What all coupons of the order take off, this one included.")

    class Meta(RedemptionSerializer.Meta):
        fields = (*RedemptionSerializer.Meta.fields, "together")

    @extend_schema_field(TogetherSerializer(many=True))
    def get_together(self, redemption: Redemption) -> Any:
        held = redeem.redemptions_of(redemption.order_external_id)
        return TogetherSerializer([{"code": one.coupon.code, "discount": one.amount} for one in held], many=True).data


class ReturnedSerializer(serializers.Serializer[Any]):
    redemption = RedemptionSerializer()
    goods = AmountField(help_text="What the returned goods cost before the discount.")
    discount = AmountField(help_text="The part of the discount that goes with them.")
    refund = AmountField(help_text="What the customer gets back: the difference.")


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
_EXAMPLE_RETURN = OpenApiExample(
    "Two of one item came back",
    {"order_id": "100045", "customer_id": "17850", "lines": [{"item_id": "85123A", "quantity": 2}]},
    request_only=True,
)
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
        request=CheckedOrderSerializer,
        responses={200: QuoteSerializer, **_REFUSALS},
        examples=[_EXAMPLE_ORDER],
    )
    @idempotent(required=False)
    def post(self, request: Request, code: str) -> Response:
        order = CheckedOrderSerializer(data=request.data)
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
            "order returns the same reservation, priced anew when the order has changed. Several coupons are reserved "
            "one after the other; `together` is what each of them then takes off."
        ),
        tags=["coupons"],
        parameters=[key_header(required=True)],
        request=OrderSerializer,
        responses={200: ReservationSerializer, **_REFUSALS},
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
        return Response(ReservationSerializer(redemption).data)


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
        return _settle(settle.commit, request, code)


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
        return _settle(settle.release, request, code)


class CouponReturn(APIView):
    @extend_schema(
        summary="Goods of a committed order come back",
        description=(
            "Says what the customer gets back, and returns the goods' part of the discount to the budget. The parts of "
            "all returns sum to the discount exactly. When everything has come back, the coupon can be used again."
        ),
        tags=["coupons"],
        parameters=[key_header(required=True)],
        request=ReturnSerializer,
        responses={200: ReturnedSerializer, **_REFUSALS},
        examples=[_EXAMPLE_RETURN],
    )
    @idempotent(required=True)
    def post(self, request: Request, code: str) -> Response:
        returned = ReturnSerializer(data=request.data)
        returned.is_valid(raise_exception=True)
        try:
            result = settle.take_back(code=code, **returned.validated_data)
        except Refused as refused:
            return _refuse(refused)
        return Response(ReturnedSerializer(result).data)


def _settle(step: Callable[..., Redemption], request: Request, code: str) -> Response:
    order = PlacedOrderSerializer(data=request.data)
    order.is_valid(raise_exception=True)
    try:
        redemption = step(code=code, **order.validated_data)
    except Refused as refused:
        return _refuse(refused)
    return Response(RedemptionSerializer(redemption).data)
