"""Devices that take push messages: an app's server or a browser registers them and signs them off."""

from collections.abc import Callable, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.receiving import RESPONSES
from catalog.rows import answer, load_rows, request_schema
from catalog.validation import IngestResult, Refused
from users.api.segment_io.cors import allow_origin
from users.choices import ApiScope
from users.ingestion import DeviceInput, DeviceSignOff, register_devices, sign_off_devices
from users.models import ApiKey


class _FromBrowsers(APIView):
    """Pages of the shop call it from their own origin, with a write key."""

    scopes = {ApiScope.WRITE}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method != "OPTIONS":  # a browser asks without credentials
            super().initial(request, *args, **kwargs)

    @extend_schema(exclude=True)
    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        return Response(status=204)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        final = super().finalize_response(request, response, *args, **kwargs)
        allow_origin(request._request, final)
        return final


class DeviceList(_FromBrowsers):
    @extend_schema(
        summary="Register devices",
        description=(
            "One object or a list of up to 1,000. Call it whenever the app or page starts: it keeps the device alive. "
            "A write key registers `webpush` of the visitor `anonymous_id` only; a server key registers any device of "
            "any customer. `consent` records what the owner answered when asked."
        ),
        tags=["devices"],
        request=request_schema(DeviceInput),
        responses=RESPONSES,
    )
    def post(self, request: Request) -> Response:
        trusted = isinstance(request.auth, ApiKey) and request.auth.scope == ApiScope.SERVER
        return _load(DeviceInput, request, lambda rows: register_devices(devices=rows, trusted=trusted))


class DeviceSignOffs(_FromBrowsers):
    @extend_schema(
        summary="Sign devices off",
        description="One object or a list of up to 1,000. They get nothing more until they register again.",
        tags=["devices"],
        request=request_schema(DeviceSignOff),
        responses=RESPONSES,
    )
    def post(self, request: Request) -> Response:
        return _load(DeviceSignOff, request, lambda rows: sign_off_devices(devices=rows))


def _load(row: type, request: Request, ingest: Callable[[Sequence[Any]], IngestResult]) -> Response:
    try:
        body, status = answer(load_rows(row, request.data, ingest))
    except Refused as refused:
        raise ParseError(refused.message) from refused
    return Response(body, status)
