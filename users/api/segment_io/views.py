import logging
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException, ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from users.api.segment_io.authentication import WriteKeyAuthentication
from users.api.segment_io.cors import allow_origin
from users.api.segment_io.messages import translate
from users.api.segment_io.parsers import TrackingParser
from users.choices import ApiScope
from users.ingestion import ingest_tracking
from users.models import ApiKey

SOURCE = "tracking"
MAX_MESSAGES = 2500

logger = logging.getLogger(__name__)


class DatabaseAway(APIException):
    """Clients keep their batch and send it again."""

    status_code = 503
    default_detail = "The database cannot be reached; send the batch again."
    wait = 1  # seconds, for the header Retry-After


class Track(APIView):
    """One message, or a `batch` of them. It is answered after everything is stored, so a client may forget it then."""

    authentication_classes = (WriteKeyAuthentication,)
    parser_classes = (TrackingParser,)
    scopes = {ApiScope.WRITE}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method != "OPTIONS":  # a browser asks without credentials
            super().initial(request, *args, **kwargs)

    @extend_schema(exclude=True)
    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        return Response(status=204)

    @extend_schema(exclude=True)
    def post(self, request: Request, call: str) -> Response:
        body: Any = request.data
        messages = _messages(body, call)
        batch, refused = translate(
            messages,
            sent_at=body.get("sentAt"),
            received_at=timezone.now(),
            currency=settings.SHOP_CURRENCY,
        )
        trusted = isinstance(request.auth, ApiKey) and request.auth.scope == ApiScope.SERVER
        result = ingest_tracking(batch=batch, refused=refused, source=SOURCE, trusted=trusted)
        rows = [{"index": row.index, "reason": row.reason, "message": row.message} for row in result.refused]
        return Response({"success": True, **({"refused": rows} if rows else {})})

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, OperationalError | InterfaceError):
            logger.warning("A batch was sent back: %s", exc)
            exc = DatabaseAway()
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        final = super().finalize_response(request, response, *args, **kwargs)
        allow_origin(request._request, final)
        return final


def _messages(body: Any, call: str) -> list[Any]:
    """The messages of the request, each with its `type`."""
    if not isinstance(body, dict):
        raise ParseError("The body must be an object.")
    if call in ("batch", "import"):
        messages = body.get("batch")
        if not isinstance(messages, list) or len(messages) > MAX_MESSAGES:
            raise ParseError(f"`batch` must be a list of at most {MAX_MESSAGES:,} messages.")
        shared = body.get("context")
        if isinstance(shared, dict):
            return [{"context": shared, **message} if isinstance(message, dict) else message for message in messages]
        return messages
    return [{**body, "type": call}]
