from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.idempotency import idempotent, key_header
from notifications.api.coupons import CouponSerializer
from notifications.api.money import AmountField
from notifications.api.redemption import RefusalSerializer
from notifications.choices import Refusal
from notifications.membership.ledger import PointsShortError, adjust_points
from notifications.membership.standing import standing_of
from notifications.models import Offer, PointsEntry, Tier
from notifications.offers.buy import buy_coupon
from notifications.offers.issue import OfferNotIssuableError
from notifications.offers.refusals import Refused
from users.models import Customer

SHOWN = 50
MOST_POINTS = 1_000_000_000


class TierSerializer(serializers.ModelSerializer[Tier]):
    class Meta:
        model = Tier
        fields = ("name", "rank", "multiplier", "benefits")


class PointsEntrySerializer(serializers.ModelSerializer[PointsEntry]):
    class Meta:
        model = PointsEntry
        fields = ("at", "kind", "points", "note", "expires_at")


class StandingSerializer(serializers.Serializer[Any]):
    balance = serializers.IntegerField()
    expiring = serializers.IntegerField(help_text="Points that are the next to expire.")
    expires_at = serializers.DateTimeField(allow_null=True)
    tier = TierSerializer(allow_null=True)
    tier_since = serializers.DateTimeField(allow_null=True)
    next_tier = TierSerializer(allow_null=True)
    missing = AmountField(help_text="Points or money that the next tier still asks for.")
    entries = serializers.SerializerMethodField(help_text=f"The last {SHOWN} of the ledger, newest first.")

    @extend_schema_field(PointsEntrySerializer(many=True))
    def get_entries(self, standing: Any) -> Any:
        entries = PointsEntry.objects.filter(customer=self.context["customer"]).order_by("-at", "-pk")[:SHOWN]
        return PointsEntrySerializer(entries, many=True).data


class AdjustmentSerializer(serializers.Serializer[Any]):
    points = serializers.IntegerField(
        min_value=-MOST_POINTS, max_value=MOST_POINTS, help_text="Given, or taken if below 0."
    )
    note = serializers.CharField(max_length=200, help_text="Why; it stands in the ledger.")

    def validate_points(self, points: int) -> int:
        if not points:
            raise serializers.ValidationError(_("Points that are given or taken are not 0."))
        return points


class PurchaseSerializer(serializers.Serializer[Any]):
    offer_id = serializers.PrimaryKeyRelatedField(
        queryset=Offer.objects.filter(points_price__isnull=False),
        pk_field=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        help_text="An offer with a price in points.",
    )


_SHORT = OpenApiResponse(
    RefusalSerializer,
    "Refused",
    [OpenApiExample("Too few", {"refusal": "points_short", "message": "There are not enough points."})],
)


def _customer(external_id: str) -> Customer:
    found = Customer.objects.select_related("merged_into").filter(erased_at=None)
    customer = generics.get_object_or_404(found, external_id=external_id)
    return customer.merged_into or customer


def _refuse(refusal: Refusal, message: str = "") -> Response:
    return Response({"refusal": str(refusal), "message": message or str(refusal.label)}, 422)


def _answer(customer: Customer) -> Response:
    return Response(StandingSerializer(standing_of(customer), context={"customer": customer}).data)


class CustomerPoints(APIView):
    @extend_schema(summary="A customer's points and tier", tags=["membership"], responses={200: StandingSerializer})
    def get(self, request: Request, external_id: str) -> Response:
        return _answer(_customer(external_id))

    @extend_schema(
        summary="Give or take points by hand",
        description="Nobody falls below 0: taking more than there is is refused.",
        tags=["membership"],
        parameters=[key_header(required=True)],
        request=AdjustmentSerializer,
        responses={200: StandingSerializer, 422: _SHORT},
    )
    @idempotent(required=True)
    def post(self, request: Request, external_id: str) -> Response:
        customer = _customer(external_id)
        body = AdjustmentSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        points, note = body.validated_data["points"], body.validated_data["note"]
        try:
            adjust_points(customer_id=customer.pk, points=points, note=note)
        except PointsShortError:
            return _refuse(Refusal.POINTS_SHORT)
        return _answer(customer)


class PointsCoupon(APIView):
    @extend_schema(
        summary="Buy a coupon with points",
        description="Takes the price of the offer and issues a coupon, both or neither.",
        tags=["membership"],
        parameters=[key_header(required=True)],
        request=PurchaseSerializer,
        responses={201: CouponSerializer, 422: _SHORT},
    )
    @idempotent(required=True)
    def post(self, request: Request, external_id: str) -> Response:
        customer = _customer(external_id)
        body = PurchaseSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            coupon = buy_coupon(customer=customer, offer=body.validated_data["offer_id"])
        except Refused as refused:
            return _refuse(refused.refusal, str(refused))
        except OfferNotIssuableError as error:
            raise serializers.ValidationError({"offer_id": [str(error)]}) from error
        return Response(CouponSerializer(coupon).data, 201)
