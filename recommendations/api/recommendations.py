from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recommendations.api.asking import COUNT, RULES, count_of, rules_of
from recommendations.api.shown import ShownItem
from recommendations.serving import Recommended, known_by_name, recommended_items


class RecommendedSerializer(ShownItem[Recommended]):
    bought_before = serializers.BooleanField()
    because_of = serializers.CharField(
        source="because_of.external_id", allow_null=True, default=None, help_text="An item of the customer's history."
    )


_SERIALIZER = RecommendedSerializer()


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
        customer = known_by_name(external_id)
        if customer is None:
            raise Http404
        shown = recommended_items(customer, count=count, rules=rules)
        return Response(_SERIALIZER.rows(shown))
