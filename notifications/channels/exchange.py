"""One POST to a provider: what went wrong on the way, told by what it means for the message."""

from collections.abc import Mapping

import httpx

from notifications.channels.base import OutcomeUnknownError, TransientError
from notifications.channels.safe_http import MAX_ANSWER_BYTES, ForbiddenTargetError

# Raised before a byte of the request has left: the provider knows nothing of it.
_BEFORE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class AwayError(TransientError):
    """No connection: nothing was handed over."""


def post(
    client: httpx.Client, url: str, *, content: bytes, headers: Mapping[str, str], safe_to_repeat: bool = False
) -> httpx.Response:
    """The provider's answer, with at most `MAX_ANSWER_BYTES` of its body.

    Raises AwayError where there was no connection, OutcomeUnknownError where the answer was lost (TransientError if
    the request is `safe_to_repeat`), and ForbiddenTargetError for an address that must not be called.
    """
    try:
        with client.stream("POST", url, content=content, headers=dict(headers)) as answer:
            body = b""
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    break
    except ForbiddenTargetError:
        raise
    except _BEFORE as error:
        raise AwayError(f"No connection: {error}") from error
    except httpx.HTTPError as error:
        kind = TransientError if safe_to_repeat else OutcomeUnknownError
        raise kind(f"The answer was lost: {type(error).__name__} {error}".strip()) from error
    # The body that was read, in place of the stream that is closed.
    return httpx.Response(answer.status_code, headers=answer.headers, content=body[:MAX_ANSWER_BYTES])
