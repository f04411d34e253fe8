from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import get_language
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.models import Segment
from notifications.segments import RuleError, count_segment, explain_rule, validate_rule


class SegmentSerializer(serializers.ModelSerializer[Segment]):
    rule = serializers.JSONField(help_text="The rule tree; see the example.")
    sentence = serializers.SerializerMethodField(help_text="The rule in words, in the language of Accept-Language.")

    class Meta:
        model = Segment
        fields = ("id", "name", "rule", "sentence", "created_at", "updated_at")
        read_only_fields = ("created_at", "updated_at")

    def get_sentence(self, segment: Segment) -> str | None:
        try:
            return explain_rule(segment.rule, get_language() or "en")
        except RuleError:
            return None  # what it refers to is gone

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            validate_rule(attrs["rule"], name=attrs["name"])
        except RuleError as error:
            raise serializers.ValidationError({"rule": [str(problem) for problem in error.problems]}) from error
        return attrs


class CountSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="Customers that match now, before consent and caps.")


LAPSED = OpenApiExample(
    "Lapsed buyers who have agreed to e-mail",
    {
        "name": "Lapsed buyers",
        "rule": {
            "all": [
                {"field": "profile.last_order_at", "op": "older_than_days", "value": 60},
                {"event": "purchase", "count": {">=": 2}},
                {"event": "view", "never": True, "within_days": 7},
                {"not": {"coupon": "unused"}},
                {"consent": "email"},
            ]
        },
    },
    request_only=True,
)


@extend_schema_view(
    get=extend_schema(summary="List segments", tags=["segments"]),
    post=extend_schema(
        summary="Create a segment",
        description="Each fault of the rule is named at its place: `all[1].within_days: must be a whole number …`.",
        tags=["segments"],
        examples=[LAPSED],
    ),
)
class SegmentList(generics.ListCreateAPIView[Segment]):
    queryset = Segment.objects.all()
    serializer_class = SegmentSerializer


@extend_schema_view(get=extend_schema(summary="One segment", tags=["segments"]))
class SegmentDetail(generics.RetrieveAPIView[Segment]):
    queryset = Segment.objects.all()
    serializer_class = SegmentSerializer


class SegmentCount(APIView):
    @extend_schema(
        summary="How many customers a segment selects now", tags=["segments"], responses={200: CountSerializer}
    )
    def get(self, request: Request, pk: int) -> Response:
        segment = get_object_or_404(Segment, pk=pk)
        try:
            return Response({"count": count_segment(segment.rule)})
        except RuleError as error:
            raise serializers.ValidationError({"rule": [str(problem) for problem in error.problems]}) from error
