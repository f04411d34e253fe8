from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import generics, serializers

from notifications.api.money import AmountField, AmountsSerializer
from notifications.models import Coupon, Redemption
from notifications.offers.codes import InvalidCodeError, canonical_code


class CouponSerializer(serializers.ModelSerializer[Coupon]):
    customer_id = serializers.CharField(source="customer.external_id", allow_null=True, help_text="The shop's own id.")
    offer_id = serializers.IntegerField()

    class Meta:
        model = Coupon
        fields: tuple[str, ...] = (
            *("id", "code", "offer_id", "customer_id", "status", "valid_from", "valid_until", "uses", "max_uses"),
            "issued_at",
        )


class GiftSerializer(serializers.Serializer[Any]):
    item_id = serializers.CharField(help_text="The shop's own id of the item that is added for nothing.")
    quantity = serializers.IntegerField()


class DiscountedLineSerializer(serializers.Serializer[Any]):
    item_id = serializers.CharField()
    quantity = serializers.IntegerField()
    amount = AmountField(help_text="What the line costs before the discount.")
    discount = AmountField(help_text="Its part of the discount; the parts sum to it exactly.")
    returned = serializers.IntegerField(help_text="How many have come back.")


class RedemptionSerializer(AmountsSerializer):
    """One use of a coupon on one order."""

    code = serializers.CharField(source="coupon.code")
    order_id = serializers.CharField(source="order_external_id", help_text="The shop's own id of the order.")
    discount = AmountField(source="amount", help_text="What is taken off the order, shipping included.")
    gifts = GiftSerializer(many=True)
    lines = DiscountedLineSerializer(many=True)

    class Meta:
        model = Redemption
        fields: tuple[str, ...] = (
            *("code", "order_id", "state", "discount", "shipping_discount", "returned", "points", "gifts", "lines"),
            *("order_total", "currency", "reserved_at", "expires_at", "committed_at", "released_at"),
        )


class CouponDetailSerializer(CouponSerializer):
    redemptions = RedemptionSerializer(many=True)

    class Meta(CouponSerializer.Meta):
        fields = (*CouponSerializer.Meta.fields, "redemptions")


@extend_schema_view(
    get=extend_schema(
        summary="List coupons",
        tags=["coupons"],
        parameters=[
            OpenApiParameter("customer_id", str, description="Only those of this customer (the shop's own id)."),
            OpenApiParameter("offer_id", int, description="Only those of this offer."),
        ],
    )
)
class CouponList(generics.ListAPIView[Coupon]):
    serializer_class = CouponSerializer

    def get_queryset(self) -> QuerySet[Coupon]:
        filters = CouponFilters(data=self.request.query_params)
        filters.is_valid(raise_exception=True)
        return Coupon.objects.select_related("customer").filter(**filters.validated_data)


class CouponFilters(serializers.Serializer[Any]):
    customer_id = serializers.CharField(source="customer__external_id", required=False)
    offer_id = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


@extend_schema_view(get=extend_schema(summary="One coupon with its redemptions", tags=["coupons"]))
class CouponDetail(generics.RetrieveAPIView[Coupon]):
    queryset = Coupon.objects.select_related("customer").prefetch_related("redemptions__coupon")
    serializer_class = CouponDetailSerializer
    lookup_field = "code"

    def get_object(self) -> Coupon:
        try:
            self.kwargs["code"] = canonical_code(self.kwargs["code"])
        except InvalidCodeError as error:
            raise Http404 from error
        return super().get_object()
