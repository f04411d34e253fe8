"""The suppression list by API: look an address up, put it on, take it off."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.listening.suppressions import suppress, unsuppress
from notifications.models import Suppression
from users.choices import Channel
from users.encryption import lookup_hash

MAX = 1_000


class _Addresses(serializers.Serializer[Any]):
    channel = serializers.ChoiceField(choices=[Channel.EMAIL], default=Channel.EMAIL)
    addresses = serializers.ListField(child=serializers.EmailField(max_length=320), min_length=1, max_length=MAX)


class SuppressSerializer(_Addresses):
    reason = serializers.CharField(max_length=64, default="api")


class SuppressedSerializer(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="How many were put on the list, or taken off it.")


class LookUpSerializer(serializers.Serializer[Any]):
    address = serializers.CharField()
    reason = serializers.CharField(allow_null=True, help_text="Why it is on the list; null where it is not.")


class SuppressionList(APIView):
    @extend_schema(
        summary="Put addresses on the suppression list",
        description=f"Up to {MAX:,}. Nothing is sent to them, whatever they agreed to.",
        tags=["suppressions"],
        request=SuppressSerializer,
        responses={200: SuppressedSerializer},
    )
    def post(self, request: Request) -> Response:
        said = _valid(SuppressSerializer, request)
        hashes = map(lookup_hash, said["addresses"])
        return Response({"changed": suppress(channel=said["channel"], address_hashes=hashes, reason=said["reason"])})


class SuppressionLookUp(APIView):
    @extend_schema(
        summary="Look addresses up on the suppression list",
        tags=["suppressions"],
        request=_Addresses,
        responses={200: LookUpSerializer(many=True)},
    )
    def post(self, request: Request) -> Response:
        said = _valid(_Addresses, request)
        hashes = {address: lookup_hash(address) for address in said["addresses"]}
        rows = Suppression.objects.filter(channel=said["channel"], address_hash__in=list(hashes.values()))
        reasons = dict(rows.values_list("address_hash", "reason"))
        return Response([{"address": each, "reason": reasons.get(known_by)} for each, known_by in hashes.items()])


class SuppressionRemoval(APIView):
    @extend_schema(
        summary="Take addresses off the suppression list",
        tags=["suppressions"],
        request=_Addresses,
        responses={200: SuppressedSerializer},
    )
    def post(self, request: Request) -> Response:
        said = _valid(_Addresses, request)
        changed = sum(unsuppress(channel=said["channel"], address=each) for each in set(said["addresses"]))
        return Response({"changed": changed})


def _valid(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    checked = serializer(data=request.data)
    checked.is_valid(raise_exception=True)
    data: dict[str, Any] = checked.validated_data
    return data
