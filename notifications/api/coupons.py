from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import generics, serializers

from notifications.models import Coupon, Redemption
from notifications.offers.codes import InvalidCodeError, normalise_code


class CouponSerializer(serializers.ModelSerializer[Coupon]):
    customer_id = serializers.CharField(source="customer.external_id", allow_null=True, help_text="The shop's own id.")
    offer_id = serializers.IntegerField()

    class Meta:
        model = Coupon
        fields: tuple[str, ...] = (
            *("id", "code", "offer_id", "customer_id", "status", "valid_from", "valid_until", "uses", "max_uses"),
            "issued_at",
        )


class RedemptionSerializer(serializers.ModelSerializer[Redemption]):
    """One use of a coupon on one order."""

    code = serializers.CharField(source="coupon.code")
    order_id = serializers.CharField(source="order_external_id", help_text="The shop's own id of the order.")
    discount = serializers.DecimalField(source="amount", max_digits=12, decimal_places=2)

    class Meta:
        model = Redemption
        fields = (
            *("code", "order_id", "state", "discount", "order_total", "currency", "reserved_at", "expires_at"),
            *("committed_at", "released_at"),
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
            self.kwargs["code"] = normalise_code(self.kwargs["code"])
        except InvalidCodeError as error:
            raise Http404 from error
        return super().get_object()
