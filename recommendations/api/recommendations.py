from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recommendations.scoring import KEPT
from recommendations.serving import Recommended, recommended_items
from users.models import Customer


class RecommendedSerializer(serializers.Serializer[Recommended]):
    item_id = serializers.CharField(source="item.external_id")
    title = serializers.CharField(source="item.title")
    price = serializers.DecimalField(source="item.price", max_digits=12, decimal_places=2)
    currency = serializers.CharField(source="item.currency")
    url = serializers.CharField(source="item.url")
    image_url = serializers.CharField(source="item.image_url")
    score = serializers.FloatField()
    bought_before = serializers.BooleanField()
    because_of = serializers.CharField(
        source="because_of.external_id", allow_null=True, default=None, help_text="An item of the customer's history."
    )


class CustomerRecommendations(APIView):
    @extend_schema(
        summary="What a customer is likely to want",
        tags=["recommendations"],
        parameters=[OpenApiParameter("limit", int, description=f"How many, from 1 to {KEPT}; 10 unless told.")],
        responses=RecommendedSerializer(many=True),
    )
    def get(self, request: Request, external_id: str) -> Response:
        limit = request.query_params.get("limit", "10")
        if not limit.isdecimal() or not 1 <= int(limit) <= KEPT:
            raise ValidationError({"limit": [f"Give a whole number from 1 to {KEPT}."]})
        customer = get_object_or_404(Customer, external_id=external_id, erased_at=None)
        shown = recommended_items(customer_id=customer.pk, count=int(limit))
        return Response([RecommendedSerializer(recommended).data for recommended in shown])
