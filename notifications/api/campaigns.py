from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.api.campaign_writing import CampaignWriteSerializer, VariantSerializer
from notifications.campaigns.audience import audience_preview
from notifications.campaigns.checks import Finding, by_field, launch_warnings
from notifications.campaigns.clone import clone_campaign
from notifications.campaigns.lifecycle import (
    CountChangedError,
    IllegalMoveError,
    LaunchRefusedError,
    launch_campaign,
    pause_campaign,
    reopen_campaign,
    resume_campaign,
    stop_campaign,
)
from notifications.campaigns.review import missing_parts, submit_campaign
from notifications.choices import CampaignPart
from notifications.models import Campaign, Run
from notifications.reports import campaign_report
from notifications.segments import RuleError


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    segment = serializers.CharField(source="segment.name", help_text="Name of the segment.")
    offer = serializers.CharField(source="offer.name", allow_null=True, default=None, help_text="Name of the offer.")

    class Meta:
        model = Campaign
        fields: tuple[str, ...] = (
            *("id", "name", "status", "segment", "offer", "channel", "hold_out_percent", "item_count"),
            *("item_choice", "tags"),
            *("attribution_days", "scheduled_at", "useful_hours", "is_simulated", "created_at", "updated_at"),
        )
        read_only_fields: tuple[str, ...] = fields


class RunSerializer(serializers.ModelSerializer[Run]):
    class Meta:
        model = Run
        fields = ("id", "status", "scheduled_at", "started_at", "matched", "planned_at", "finished_at", "error")
        extra_kwargs = {"matched": {"help_text": "Customers in the segment when it began; null: not counted yet."}}
        read_only_fields = fields


class CampaignDetailSerializer(CampaignSerializer):
    variants = VariantSerializer(many=True, read_only=True)
    runs = RunSerializer(many=True, read_only=True)
    missing_approvals = serializers.SerializerMethodField()

    class Meta(CampaignSerializer.Meta):
        fields = (*CampaignSerializer.Meta.fields, "missing_approvals", "variants", "runs")
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(choices=CampaignPart.choices)))
    def get_missing_approvals(self, campaign: Campaign) -> list[str]:
        """The parts that somebody still has to approve in the admin; empty where the shop has no approvals."""
        return [str(part) for part in missing_parts(campaign)]


class LaunchSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(required=False, allow_null=True, default=None, help_text="Default: its own time.")
    recipients = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=0,
        max_value=2**31 - 1,
        help_text="How many you expect to receive it, from `audience/`; refused when it is more than 1% off by now.",
    )


class CampaignRefusalSerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=["not_ready", "illegal_move", "count_changed"])
    detail = serializers.CharField()
    recipients = serializers.IntegerField(required=False, help_text="With `count_changed`: how many there are now.")
    problems = serializers.ListField(child=serializers.CharField(), required=False)
    fields_at_fault: Any = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="With `not_ready`: the same sentences by the field of the campaign that each is about.",
    )


CAMPAIGNS = Campaign.objects.select_related("segment", "offer")
REFUSED = OpenApiResponse(CampaignRefusalSerializer, "The campaign is not ready, or not in a status that allows it.")


@extend_schema_view(
    get=extend_schema(summary="List campaigns", tags=["campaigns"]),
    post=extend_schema(
        summary="Compose a campaign",
        description=(
            "A draft with its messages. A template that uses an unknown variable, a time that is over, an offer that "
            "has ended: each is answered with 400 at its field."
        ),
        tags=["campaigns"],
        request=CampaignWriteSerializer,
        responses={201: CampaignDetailSerializer},
    ),
)
class CampaignList(generics.ListCreateAPIView[Campaign]):
    queryset = CAMPAIGNS
    serializer_class = CampaignSerializer

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = CampaignWriteSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(CampaignDetailSerializer(serializer.save()).data, status.HTTP_201_CREATED)


class CampaignDetail(generics.RetrieveAPIView[Campaign]):
    queryset = CAMPAIGNS.prefetch_related("runs", "variants")
    serializer_class = CampaignDetailSerializer

    @extend_schema(summary="One campaign with its messages and runs", tags=["campaigns"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        summary="Change a campaign that was not launched yet",
        description="An edit withdraws the approval of the part that it changes.",
        tags=["campaigns"],
        request=CampaignWriteSerializer(partial=True),
        responses={200: CampaignDetailSerializer, 409: REFUSED},
    )
    def patch(self, request: Request, pk: int) -> Response:
        campaign = generics.get_object_or_404(CAMPAIGNS, pk=pk)
        serializer = CampaignWriteSerializer(campaign, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        try:
            serializer.save()
        except IllegalMoveError as error:
            return _refusal(error)
        return Response(CampaignDetailSerializer(generics.get_object_or_404(self.queryset, pk=pk)).data)


class CampaignLaunch(APIView):
    @extend_schema(
        summary="Launch a campaign",
        description=(
            "Schedules the first run of an approved campaign, or of a draft where the shop has no approvals; with 202 "
            "it waits for customers to enter. Everything that is not ready is answered with 409, one sentence each."
        ),
        tags=["campaigns"],
        request=LaunchSerializer,
        responses={201: RunSerializer, 202: CampaignSerializer, 409: REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        campaign = generics.get_object_or_404(CAMPAIGNS, pk=pk)
        serializer = LaunchSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        try:
            run = launch_campaign(campaign=campaign, at=given["at"], confirmed=given["recipients"])
        except (LaunchRefusedError, IllegalMoveError, CountChangedError) as error:
            return _refusal(error)
        if run is None:
            return Response(CampaignSerializer(campaign).data, status.HTTP_202_ACCEPTED)
        return Response(RunSerializer(run).data, status.HTTP_201_CREATED)


class AudienceSerializer(serializers.Serializer[Any]):
    matched = serializers.IntegerField()
    suppressed = serializers.DictField(child=serializers.IntegerField(), help_text="Customers by reason.")
    held_out = serializers.IntegerField()
    will_receive = serializers.IntegerField()
    delayed = serializers.IntegerField(help_text="Of those who will receive it: asleep then, and get it later.")
    is_everyone = serializers.BooleanField(help_text="The segment matches every customer of the shop.")
    liability = serializers.DecimalField(
        None, 2, allow_null=True, help_text="The most that the coupons can cost; null where nothing bounds it."
    )
    currency = serializers.CharField()
    warnings = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text="What may not be meant, by the field of the campaign: nobody or everyone gets it, no hold-out …",
    )


class CampaignAudience(APIView):
    @extend_schema(
        summary="Who would receive it now",
        tags=["campaigns"],
        responses={200: AudienceSerializer, 409: REFUSED},
    )
    def get(self, request: Request, pk: int) -> Response:
        campaign = generics.get_object_or_404(CAMPAIGNS, pk=pk)
        try:
            preview = audience_preview(campaign)
        except RuleError as error:
            return _refusal(LaunchRefusedError([str(error)]))
        warnings = by_field(launch_warnings(campaign, preview))
        return Response(
            AudienceSerializer({**vars(preview), "will_receive": preview.will_receive, "warnings": warnings}).data
        )


class CampaignClone(APIView):
    @extend_schema(
        summary="Clone into a new draft", tags=["campaigns"], request=None, responses={201: CampaignSerializer}
    )
    def post(self, request: Request, pk: int) -> Response:
        clone = clone_campaign(campaign=generics.get_object_or_404(CAMPAIGNS, pk=pk))
        return Response(CampaignSerializer(clone).data, status.HTTP_201_CREATED)


class CampaignMove(APIView):
    """Base of the moves that need no input."""

    move: Any = None

    def post(self, request: Request, pk: int) -> Response:
        campaign = generics.get_object_or_404(CAMPAIGNS, pk=pk)
        try:
            type(self).move(campaign=campaign)
        except (LaunchRefusedError, IllegalMoveError) as error:
            return _refusal(error)
        return Response(CampaignSerializer(campaign).data)


def _documented(summary: str) -> Any:
    return extend_schema_view(
        post=extend_schema(
            summary=summary, tags=["campaigns"], request=None, responses={200: CampaignSerializer, 409: REFUSED}
        )
    )


@_documented("Ask for the approvals of a draft")
class CampaignSubmit(CampaignMove):
    move = submit_campaign


@_documented("Back to draft; a run that waits is forgotten")
class CampaignReopen(CampaignMove):
    move = reopen_campaign


@_documented("Pause sending")
class CampaignPause(CampaignMove):
    move = pause_campaign


@_documented("Resume sending")
class CampaignResume(CampaignMove):
    move = resume_campaign


@_documented("Stop for good and cancel what was not sent")
class CampaignStop(CampaignMove):
    move = stop_campaign


class CampaignReportView(APIView):
    @extend_schema(
        summary="Report",
        description="Funnel, arms, and the comparison with the hold-out; differences carry their 95% interval.",
        tags=["campaigns"],
        responses={200: dict},
    )
    def get(self, request: Request, pk: int) -> Response:
        return Response(campaign_report(generics.get_object_or_404(CAMPAIGNS, pk=pk)).as_dict())


def _refusal(error: LaunchRefusedError | IllegalMoveError | CountChangedError) -> Response:
    body: dict[str, Any] = {"code": "illegal_move", "detail": str(error)}
    if isinstance(error, LaunchRefusedError):
        findings = [each for each in error.problems if isinstance(each, Finding)]
        body |= {"code": "not_ready", "problems": error.problems, "fields_at_fault": by_field(findings)}
    elif isinstance(error, CountChangedError):
        body |= {"code": "count_changed", "recipients": error.recipients}
    return Response(body, status.HTTP_409_CONFLICT)
