"""Bodies of tracking clients: JSON, gzipped where the client says so, and never larger than the limit."""

import json
import zlib
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

MAX_BYTES = 4_000_000  # unzipped; Segment's own limit for a batch is 500 kB
_GZIP = 16 + zlib.MAX_WBITS


class TooLarge(APIException):
    status_code = 413
    default_detail = f"The body is larger than {MAX_BYTES:,} bytes; send smaller batches."


class TrackingParser(BaseParser):
    """JSON under any content type: browsers that send beacons say `text/plain`."""

    media_type = "*/*"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(MAX_BYTES + 1)
        request = (parser_context or {})["request"]
        if request.headers.get("Content-Encoding", "").lower() == "gzip":
            body = _unzip(body)
        if len(body) > MAX_BYTES:
            raise TooLarge
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not JSON: {error}.") from None


def _unzip(body: bytes) -> bytes:
    """At most one byte more than the limit, so that a bomb does no harm."""
    unzip = zlib.decompressobj(_GZIP)
    try:
        plain = unzip.decompress(body, MAX_BYTES + 1)
    except zlib.error as error:
        raise ParseError(f"The body is not gzip: {error}.") from None
    if not unzip.eof and len(plain) <= MAX_BYTES:
        raise ParseError("The gzipped body is cut short.")
    return plain
