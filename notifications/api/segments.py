from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.campaigns.segment_funnel import segment_funnel
from notifications.models import Segment
from notifications.segments import RuleError, explain_rule
from notifications.segments.count import CountTooSlowError, audience_warnings, count_segment, sample_members
from notifications.segments.references import check_segment, uses_of
from users.choices import Channel
from users.models import Customer

TIME_LIMIT = timedelta(seconds=10)


class SegmentSerializer(serializers.ModelSerializer[Segment]):
    rule = serializers.JSONField(help_text="The rule tree; see the example and docs/segments.md.")
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
        name = attrs.get("name", self.instance.name if self.instance else "")
        rule = attrs.get("rule", self.instance.rule if self.instance else None)
        if problems := check_segment(name=name, rule=rule, segment=self.instance):
            raise serializers.ValidationError({key: [str(each) for each in faults] for key, faults in problems.items()})
        return attrs


class FunnelSerializer(serializers.Serializer[Any]):
    matched = serializers.IntegerField(help_text="Customers that the rule selects.")
    consented = serializers.IntegerField(help_text="Of them, those with an address and consent on the channel.")
    suppressed = serializers.IntegerField(help_text="Of the consented, those who are not written to all the same.")
    capped = serializers.IntegerField(help_text="Of the consented, those who have had enough messages already.")
    held_out = serializers.IntegerField(help_text="Of the rest, those kept back to measure the effect.")
    will_receive = serializers.IntegerField(help_text="What remains.")


class CountSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="Customers that match now, before consent and caps.")
    funnel = FunnelSerializer()
    warnings = serializers.ListField(
        child=serializers.CharField(), help_text="Where the rule selects nobody, or everyone."
    )


class CountQuestion(serializers.Serializer[Any]):
    channel = serializers.ChoiceField(Channel.choices, default=Channel.EMAIL)
    hold_out_percent = serializers.DecimalField(5, 2, min_value=Decimal(0), max_value=Decimal(50), default=Decimal(10))


class MembersQuestion(serializers.Serializer[Any]):
    size = serializers.IntegerField(min_value=1, max_value=100, default=20)


class RuleSerializer(serializers.Serializer[Any]):
    rule = serializers.JSONField(help_text="The rule tree; see docs/segments.md.")


class ExplanationSerializer(serializers.Serializer[Any]):
    en = serializers.CharField()
    zh = serializers.CharField()


class MemberSerializer(serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = ("external_id", "anonymous_id", "language", "country")


class MembersSerializer(serializers.Serializer[Any]):
    members = MemberSerializer(many=True)


class TooSlow(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "too_slow"

    def __init__(self) -> None:
        super().__init__(
            _("Counting takes more than %(n)d s; simplify the rule, or look at it in the admin, which counts on.")
            % {"n": TIME_LIMIT.seconds}
        )


class InUse(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "in_use"


LAPSED = OpenApiExample(
    "Lapsed buyers who have agreed to e-mail",
    {
        "name": "Lapsed buyers",
        "rule": {
            "all": [
                {"orders": "last", "op": "older_than_days", "value": 60},
                {"event": "purchase", "count": {">=": 2}},
                {"event": "view", "never": True, "within_days": 7},
                {"not": {"coupon": "unused"}},
                {"consent": "email"},
            ]
        },
    },
    request_only=True,
)


def _refused(error: RuleError) -> serializers.ValidationError:
    return serializers.ValidationError({"rule": [str(problem) for problem in error.problems]})


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

    @transaction.atomic
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().create(request, *args, **kwargs)


@extend_schema_view(
    get=extend_schema(summary="One segment", tags=["segments"]),
    put=extend_schema(summary="Replace a segment", tags=["segments"], examples=[LAPSED]),
    patch=extend_schema(summary="Change a segment's name or rule", tags=["segments"]),
    delete=extend_schema(
        summary="Delete a segment",
        description="Refused while a campaign or another segment uses it.",
        tags=["segments"],
        responses={204: None, 409: OpenApiResponse(description="It is in use; the answer names by what.")},
    ),
)
class SegmentDetail(generics.RetrieveUpdateDestroyAPIView[Segment]):
    queryset = Segment.objects.all()
    serializer_class = SegmentSerializer

    @transaction.atomic
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().update(request, *args, **kwargs)

    def perform_destroy(self, instance: Segment) -> None:
        if uses := uses_of(instance):
            raise InUse(_("It is used by: %(uses)s.") % {"uses": ", ".join(uses)})
        instance.delete()


class SegmentCount(APIView):
    @extend_schema(
        summary="How many customers a segment selects now, and how many of them a campaign would reach",
        tags=["segments"],
        parameters=[CountQuestion],
        responses={200: CountSerializer},
    )
    def get(self, request: Request, pk: int) -> Response:
        segment = get_object_or_404(Segment, pk=pk)
        question = CountQuestion(data=request.query_params)
        question.is_valid(raise_exception=True)
        try:
            count = count_segment(segment.rule, time_limit=TIME_LIMIT)
            funnel = segment_funnel(rule=segment.rule, time_limit=TIME_LIMIT, **question.validated_data)
            warnings = audience_warnings(segment.rule, count=count, time_limit=TIME_LIMIT)
        except RuleError as error:
            raise _refused(error) from error
        except CountTooSlowError as error:
            raise TooSlow from error
        return Response({"count": count, "funnel": asdict(funnel), "warnings": warnings})


class SegmentMembers(APIView):
    @extend_schema(
        summary="Some customers that a segment selects now, picked at random",
        tags=["segments"],
        parameters=[MembersQuestion],
        responses={200: MembersSerializer},
    )
    def get(self, request: Request, pk: int) -> Response:
        segment = get_object_or_404(Segment, pk=pk)
        question = MembersQuestion(data=request.query_params)
        question.is_valid(raise_exception=True)
        try:
            ids = sample_members(segment.rule, time_limit=TIME_LIMIT, **question.validated_data)
        except RuleError as error:
            raise _refused(error) from error
        except CountTooSlowError as error:
            raise TooSlow from error
        return Response(MembersSerializer({"members": Customer.objects.filter(pk__in=ids).order_by("pk")}).data)


class SegmentExplain(APIView):
    @extend_schema(
        summary="A rule in words, in English and Chinese, or what is wrong with it",
        tags=["segments"],
        request=RuleSerializer,
        responses={200: ExplanationSerializer},
    )
    def post(self, request: Request) -> Response:
        question = RuleSerializer(data=request.data)
        question.is_valid(raise_exception=True)
        rule = question.validated_data["rule"]
        try:
            return Response({"en": explain_rule(rule, "en"), "zh": explain_rule(rule, "zh-hans")})
        except RuleError as error:
            raise _refused(error) from error
