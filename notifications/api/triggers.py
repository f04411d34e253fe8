"""When a campaign runs."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.campaigns.moves import IllegalMoveError
from notifications.campaigns.recurrence import RecurrenceError
from notifications.campaigns.schedule import recurrence_of
from notifications.campaigns.triggers.check import trigger_problems
from notifications.campaigns.triggers.defaults import FIELDS, trigger_of
from notifications.campaigns.triggers.explain import explain_trigger
from notifications.campaigns.triggers.save import save_trigger
from notifications.choices import TriggerKind
from notifications.models import Campaign, Trigger
from users.choices import EventType

NEXT_TIMES = 5
_SETTINGS = tuple(dict.fromkeys(name for names in FIELDS.values() for name in names))


@extend_schema_field({"type": "string", "enum": [kind.code for kind in EventType]})
class EventCodeField(serializers.Field[int, str, str, int]):
    """An event by the name that API clients use."""

    def to_representation(self, value: int) -> str:
        return EventType(value).code

    def to_internal_value(self, data: str) -> int:
        codes = {kind.code: int(kind) for kind in EventType}
        if data not in codes:
            raise serializers.ValidationError(_("must be one of %(known)s") % {"known": ", ".join(codes)})
        return codes[data]


@extend_schema_field({"type": "string", "example": "09:00:00"})
class LocalTimeField(serializers.TimeField):
    """A time by the clock on the wall. It has no offset, which the format `time` of JSON Schema (RFC 3339) asks for."""


class TriggerSerializer(serializers.ModelSerializer[Trigger]):
    """Which settings count depends on `kind`; those left out keep their defaults."""

    event_type = EventCodeField(required=False, allow_null=True)
    exit_event = EventCodeField(required=False, allow_null=True)
    at = LocalTimeField(required=False)
    previous = serializers.PrimaryKeyRelatedField(
        queryset=Campaign.objects.all(), required=False, allow_null=True, help_text="Id of the campaign before."
    )
    sentence = serializers.SerializerMethodField(help_text="What will happen, in plain words.")
    next_times = serializers.SerializerMethodField(help_text="The next five times of a recurring campaign.")

    class Meta:
        model = Trigger
        fields = ("kind", *_SETTINGS, "sentence", "next_times")

    def get_sentence(self, trigger: Trigger) -> str:
        return explain_trigger(trigger)

    @extend_schema_field(serializers.ListField(child=serializers.DateTimeField()))
    def get_next_times(self, trigger: Trigger) -> list[str]:
        if trigger.kind != TriggerKind.RECURRING:
            return []
        try:
            coming = recurrence_of(trigger).next(timezone.now(), NEXT_TIMES)
        except RecurrenceError:
            return []
        return [moment.isoformat() for moment in coming]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if problems := trigger_problems(Trigger(campaign=self.context["campaign"], **attrs), now=timezone.now()):
            raise serializers.ValidationError(problems)
        return attrs


class CampaignTrigger(APIView):
    @extend_schema(summary="When a campaign runs", tags=["campaigns"], responses={200: TriggerSerializer})
    def get(self, request: Request, pk: int) -> Response:
        campaign = generics.get_object_or_404(Campaign, pk=pk)
        return Response(TriggerSerializer(trigger_of(campaign)).data)

    @extend_schema(
        summary="Say when a campaign runs",
        description="Replaces its trigger. Only a campaign that was not launched yet can be changed.",
        tags=["campaigns"],
        request=TriggerSerializer,
        responses={200: TriggerSerializer, 409: OpenApiResponse(description="The campaign was launched already.")},
    )
    def put(self, request: Request, pk: int) -> Response:
        campaign = generics.get_object_or_404(Campaign, pk=pk)
        serializer = TriggerSerializer(data=request.data, context={"campaign": campaign})
        serializer.is_valid(raise_exception=True)
        trigger = Trigger(pk=trigger_of(campaign).pk, campaign=campaign, **serializer.validated_data)
        try:
            save_trigger(trigger=trigger)
        except IllegalMoveError as error:
            return Response({"code": "illegal_move", "detail": str(error)}, status.HTTP_409_CONFLICT)
        return Response(TriggerSerializer(trigger).data)
