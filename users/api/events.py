from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.rows import RESULT_SCHEMA, answer, load_rows, request_schema
from catalog.validation import Refused
from users.choices import ApiScope, EventType
from users.ingestion import EventInput, ingest_events


class EventList(APIView):
    scopes = {ApiScope.WRITE}

    @extend_schema(
        summary="Send events",
        description=(
            "One event or a list of up to 1,000. `message_id` is yours: sending it again counts nothing twice. Bad "
            f"rows are refused, each with its index and reason. Types: {', '.join(kind.code for kind in EventType)}."
        ),
        tags=["events"],
        request=request_schema(EventInput),
        responses={200: RESULT_SCHEMA, 422: RESULT_SCHEMA},
    )
    def post(self, request: Request) -> Response:
        try:
            result = load_rows(EventInput, request.data, lambda rows: ingest_events(events=rows, source="api"))
        except Refused as refused:
            raise ParseError(refused.message) from refused
        body, status = answer(result)
        return Response(body, status)
