"""POST of typed rows: the one handler behind customers, items, events and orders."""

from collections.abc import Callable, Sequence
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.idempotency import idempotent, key_header
from catalog.pressure import ingest_slot
from catalog.rows import RESULT_SCHEMA, answer, load_rows, request_schema
from catalog.validation import IngestResult, Refused

RESPONSES = {
    200: OpenApiResponse(RESULT_SCHEMA, "At least one row was good, or known already."),
    422: OpenApiResponse(RESULT_SCHEMA, "No row at all was good."),
}


def receive(
    row: type, ingest: Callable[[Sequence[Any]], IngestResult], *, tag: str, summary: str, description: str
) -> Callable[..., Response]:
    """The method `post` of a view that takes one object or a list of up to 1,000, each a `row`, and ingests them."""

    @idempotent(required=False)
    def store(view: Any, request: Request) -> Response:
        try:
            result = load_rows(row, request.data, ingest)
        except Refused as refused:
            raise ParseError(refused.message) from refused
        body, status = answer(result)
        return Response(body, status)

    @extend_schema(
        summary=summary,
        description=f"One object or a list of up to 1,000. {description}",
        tags=[tag],
        parameters=[key_header(required=False)],
        request=request_schema(row),
        responses=RESPONSES,
    )
    def post(view: Any, request: Request) -> Response:
        request.data  # noqa: B018  a body that cannot be read must not take a slot
        with ingest_slot():
            return store(view, request)

    return post
