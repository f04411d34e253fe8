from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.campaigns.lifecycle import (
    IllegalMoveError,
    LaunchRefusedError,
    launch_campaign,
    pause_campaign,
    resume_campaign,
    stop_campaign,
)
from notifications.models import Campaign, Run
from notifications.reports import campaign_report


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    segment = serializers.CharField(source="segment.name", help_text="Name of the segment.")
    offer = serializers.CharField(source="offer.name", allow_null=True, default=None, help_text="Name of the offer.")

    class Meta:
        model = Campaign
        fields: tuple[str, ...] = (
            *("id", "name", "status", "segment", "offer", "channel", "hold_out_percent", "item_count"),
            "item_choice",
            *("attribution_days", "scheduled_at", "is_simulated", "created_at", "updated_at"),
        )
        read_only_fields: tuple[str, ...] = fields


class RunSerializer(serializers.ModelSerializer[Run]):
    class Meta:
        model = Run
        fields = ("id", "status", "scheduled_at", "started_at", "planned_at", "finished_at", "error")
        read_only_fields = fields


class CampaignDetailSerializer(CampaignSerializer):
    runs = RunSerializer(many=True, read_only=True)

    class Meta(CampaignSerializer.Meta):
        fields = (*CampaignSerializer.Meta.fields, "runs")
        read_only_fields = fields


class LaunchSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(required=False, allow_null=True, default=None, help_text="Default: its own time.")


class CampaignRefusalSerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=["not_ready", "illegal_move"])
    detail = serializers.CharField()
    problems = serializers.ListField(child=serializers.CharField(), required=False)


CAMPAIGNS = Campaign.objects.select_related("segment", "offer")
REFUSED = OpenApiResponse(CampaignRefusalSerializer, "The campaign is not ready, or not in a status that allows it.")


@extend_schema_view(get=extend_schema(summary="List campaigns", tags=["campaigns"]))
class CampaignList(generics.ListAPIView[Campaign]):
    queryset = CAMPAIGNS
    serializer_class = CampaignSerializer


@extend_schema_view(get=extend_schema(summary="One campaign with its runs", tags=["campaigns"]))
class CampaignDetail(generics.RetrieveAPIView[Campaign]):
    queryset = CAMPAIGNS.prefetch_related("runs")
    serializer_class = CampaignDetailSerializer


class CampaignLaunch(APIView):
    @extend_schema(
        summary="Launch a draft",
        description=(
            "Schedules its first run; with 202 it waits for customers to enter. "
            "Everything that is not ready is answered with 409, one sentence each."
        ),
        tags=["campaigns"],
        request=LaunchSerializer,
        responses={201: RunSerializer, 202: CampaignSerializer, 409: REFUSED},
    )
    def post(self, request: Request, pk: int) -> Response:
        campaign = generics.get_object_or_404(CAMPAIGNS, pk=pk)
        serializer = LaunchSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            run = launch_campaign(campaign=campaign, at=serializer.validated_data["at"])
        except LaunchRefusedError as error:
            body = {"code": "not_ready", "detail": str(error), "problems": error.problems}
            return Response(body, status.HTTP_409_CONFLICT)
        except IllegalMoveError as error:
            return _illegal_move(error)
        if run is None:
            return Response(CampaignSerializer(campaign).data, status.HTTP_202_ACCEPTED)
        return Response(RunSerializer(run).data, status.HTTP_201_CREATED)


class CampaignMove(APIView):
    """Base of the moves that need no input."""

    move: Any = None

    def post(self, request: Request, pk: int) -> Response:
        campaign = generics.get_object_or_404(CAMPAIGNS, pk=pk)
        try:
            type(self).move(campaign=campaign)
        except IllegalMoveError as error:
            return _illegal_move(error)
        return Response(CampaignSerializer(campaign).data)


def _documented(summary: str) -> Any:
    return extend_schema_view(
        post=extend_schema(
            summary=summary, tags=["campaigns"], request=None, responses={200: CampaignSerializer, 409: REFUSED}
        )
    )


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


def _illegal_move(error: IllegalMoveError) -> Response:
    return Response({"code": "illegal_move", "detail": str(error)}, status.HTTP_409_CONFLICT)
