from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recommendations.api.asking import COUNT, RULES, count_of, rules_of
from recommendations.api.shown import ShownItem
from recommendations.serving import Recommended, recommended_items
from users.models import Customer


class RecommendedSerializer(ShownItem[Recommended]):
    bought_before = serializers.BooleanField()
    because_of = serializers.CharField(
        source="because_of.external_id", allow_null=True, default=None, help_text="An item of the customer's history."
    )


class CustomerRecommendations(APIView):
    @extend_schema(
        summary="What a customer is likely to want",
        description="As of this moment: an event that was sent a second ago counts. What has just been bought, is off "
        "sale or out of stock is not shown.",
        tags=["recommendations"],
        parameters=[COUNT, *RULES],
        responses=RecommendedSerializer(many=True),
    )
    def get(self, request: Request, external_id: str) -> Response:
        count, rules = count_of(request), rules_of(request)
        customer = get_object_or_404(Customer.objects.only("pk"), external_id=external_id, erased_at=None)
        shown = recommended_items(customer_id=customer.pk, count=count, rules=rules)
        return Response(serializers.ListSerializer(shown, child=RecommendedSerializer()).data)
