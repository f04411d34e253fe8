from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.exceptions import APIException

from notifications.api.money import AmountField, AmountsSerializer
from notifications.models import Offer, Tier
from notifications.offers.checks import check_terms
from notifications.offers.terms import (
    FaultyTermsError,
    OfferInUseError,
    change_offer,
    create_offer,
    delete_offer,
    describe_offer,
)


def _names() -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(max_length=255), required=False, max_length=1000)


class ScopeSideSerializer(serializers.Serializer[Any]):
    items: Any = _names()
    categories: Any = _names()
    brands: Any = _names()


class ScopeSerializer(serializers.Serializer[Any]):
    include = ScopeSideSerializer(required=False)
    exclude = ScopeSideSerializer(required=False)


class StepSerializer(serializers.Serializer[Any]):
    spend = AmountField()
    save: Any = AmountField()


class OfferInUse(APIException):
    status_code = 409
    default_code = "offer_in_use"


class OfferSerializer(AmountsSerializer):
    description = serializers.SerializerMethodField(help_text="The terms in one line, as a shopper reads them.")
    value = AmountField(default=Decimal(0), help_text="Percent points, money, or points, as the type has it.")
    minimum_spend = AmountField(default=Decimal(0))
    minimum_quantity = serializers.IntegerField(min_value=0, max_value=1_000_000, default=0)
    uses_per_coupon = serializers.IntegerField(min_value=0, max_value=10_000, default=1)
    valid_days = serializers.IntegerField(
        min_value=0, max_value=3650, allow_null=True, default=None, help_text="Days that a coupon is valid from issue."
    )
    budget = AmountField(
        max_digits=15,
        allow_null=True,
        default=None,
        help_text="What all orders together cost cannot exceed it. Null: no limit.",
    )
    currency = serializers.RegexField(r"^[A-Z]{3}$", required=False, help_text="ISO 4217; the shop's own unless told.")
    minimum_tier = serializers.SlugRelatedField(
        slug_field="name", queryset=Tier.objects.all(), allow_null=True, default=None, help_text="Name of the tier."
    )
    steps = StepSerializer(many=True, required=False, help_text="For `spend_save`: steps above the first one.")
    item_prices = serializers.DictField(
        child=AmountField(), required=False, help_text="For `limited_price`: the price of each item."
    )
    scope = ScopeSerializer(required=False, help_text="What the offer is about; left out, everything.")

    class Meta:
        model = Offer
        fields = (
            *("id", "name", "type", "value", "steps", "item_prices", "buy_quantity", "get_quantity", "reward_items"),
            *("scope", "minimum_spend", "minimum_quantity", "maximum_discount", "maximum_quantity", "currency"),
            *("valid_from", "valid_until", "valid_days", "uses_per_coupon", "total_limit", "customer_limit"),
            *("stacking", "stacking_group", "minimum_tier", "points_price", "code_source", "low_stock", "budget"),
            *("reserved", "committed", "redeemed", "description", "created_at"),
        )
        read_only_fields = ("reserved", "committed", "redeemed", "created_at")
        extra_kwargs = {
            "reserved": {"help_text": "What checkouts under way cost."},
            "committed": {"help_text": "What placed orders cost."},
            "redeemed": {"help_text": "Uses that are reserved or committed."},
            "points_price": {
                "help_text": "What a customer pays for one coupon; null: it cannot be bought with points."
            },
        }

    def get_description(self, offer: Offer) -> str:
        return describe_offer(offer)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for step in attrs.get("steps", []):
            step |= {name: f"{amount:f}" for name, amount in step.items()}
        if "item_prices" in attrs:
            attrs["item_prices"] = {item: f"{price:f}" for item, price in attrs["item_prices"].items()}
        known = vars(self.instance) if self.instance else {"currency": ""}
        if errors := check_terms({**known, **attrs}):
            raise serializers.ValidationError(errors)
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Offer:
        return create_offer(**validated_data)

    def update(self, instance: Offer, validated_data: dict[str, Any]) -> Offer:
        changed = {name: value for name, value in validated_data.items() if getattr(instance, name) != value}
        for name, value in changed.items():
            setattr(instance, name, value)
        try:
            change_offer(offer=instance, changed=changed)
        except FaultyTermsError as error:
            raise serializers.ValidationError(error.errors) from error
        return instance


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
    queryset = Offer.objects.select_related("minimum_tier")
    serializer_class = OfferSerializer


@extend_schema_view(
    get=extend_schema(summary="One offer", tags=["offers"]),
    put=extend_schema(summary="Replace an offer", tags=["offers"]),
    patch=extend_schema(
        summary="Change an offer",
        description="What issued coupons promise (type, value, conditions, currency) cannot be changed any more.",
        tags=["offers"],
    ),
    delete=extend_schema(
        summary="Delete an offer that nothing uses",
        tags=["offers"],
        responses={204: None, 409: OpenApiResponse(dict, "Coupons or campaigns use it.")},
    ),
)
class OfferDetail(generics.RetrieveUpdateDestroyAPIView[Offer]):
    queryset = Offer.objects.select_related("minimum_tier")
    serializer_class = OfferSerializer

    def perform_destroy(self, instance: Offer) -> None:
        try:
            delete_offer(offer=instance)
        except OfferInUseError as error:
            raise OfferInUse(str(error)) from error
