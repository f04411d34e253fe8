"""JSON bodies of the API: bounded, and read fast."""

import json
from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"

    def __init__(self) -> None:
        limit = settings.API_MAX_BODY_BYTES
        super().__init__(f"The body is larger than {limit:,} bytes; send fewer rows at a time.")


class BoundedJSONParser(BaseParser):
    """JSON of at most `API_MAX_BODY_BYTES`; a larger body is refused before it is read."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = settings.API_MAX_BODY_BYTES
        request = (parser_context or {})["request"]
        if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
            raise TooLarge
        return parse_json(stream.read(limit))


def parse_json(body: bytes) -> Any:
    """The value in `body`. Raises ParseError.

    What JSON does not allow but clients send (NaN, 1e400, half an emoji) is read by Python's own lenient parser, so
    that it costs only the row that it stands in.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not JSON: {error}.") from None
