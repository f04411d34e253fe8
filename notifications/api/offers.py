from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, serializers

from notifications.models import Offer
from notifications.offers.terms import check_terms, create_offer, describe_offer


class OfferSerializer(serializers.ModelSerializer[Offer]):
    description = serializers.SerializerMethodField(help_text="The terms in one line, as a shopper reads them.")
    minimum_spend = serializers.DecimalField(max_digits=12, decimal_places=2, default=Decimal(0))
    uses_per_coupon = serializers.IntegerField(min_value=0, max_value=10_000, default=1)
    valid_days = serializers.IntegerField(
        min_value=0, max_value=3650, allow_null=True, default=None, help_text="Days that a coupon is valid from issue."
    )
    budget = serializers.DecimalField(
        max_digits=14,
        decimal_places=2,
        allow_null=True,
        default=None,
        help_text="The discounts of all orders together cannot exceed it. Null: no limit.",
    )
    currency = serializers.RegexField(r"^[A-Z]{3}$", required=False, help_text="ISO 4217; the shop's own unless told.")

    class Meta:
        model = Offer
        fields = (
            *("id", "name", "type", "value", "minimum_spend", "maximum_discount", "currency", "valid_from"),
            *("valid_until", "valid_days", "uses_per_coupon", "budget", "reserved", "committed", "description"),
            "created_at",
        )
        read_only_fields = ("reserved", "committed", "created_at")
        extra_kwargs = {
            "value": {"help_text": "Percent points for `percent`, money otherwise."},
            "reserved": {"help_text": "Discounts of checkouts under way."},
            "committed": {"help_text": "Discounts of placed orders."},
        }

    def get_description(self, offer: Offer) -> str:
        return describe_offer(offer)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if errors := check_terms({"currency": "", **attrs}):
            raise serializers.ValidationError(errors)
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Offer:
        return create_offer(**validated_data)


SPEND_SAVE = OpenApiExample(
    "Spend 30, save 5",
    {
        "name": "We miss you",
        "type": "spend_save",
        "value": "5.00",
        "minimum_spend": "30.00",
        "currency": "GBP",
        "valid_days": 14,
        "budget": "1000.00",
    },
    request_only=True,
)


@extend_schema_view(
    get=extend_schema(summary="List offers", tags=["offers"]),
    post=extend_schema(
        summary="Create an offer",
        description="Faulty terms are answered with 400 and a message at each field.",
        tags=["offers"],
        examples=[SPEND_SAVE],
    ),
)
class OfferList(generics.ListCreateAPIView[Offer]):
    queryset = Offer.objects.all()
    serializer_class = OfferSerializer


@extend_schema_view(get=extend_schema(summary="One offer", tags=["offers"]))
class OfferDetail(generics.RetrieveAPIView[Offer]):
    queryset = Offer.objects.all()
    serializer_class = OfferSerializer
