"""The `Idempotency-Key` header, for any view method that must not happen twice.

Where answers are kept is the business of whoever authenticates: `request.user` remembers them (see `Caller`).
"""

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import orjson
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

HEADER = "Idempotency-Key"
KEY_LENGTH = 255


class KeyReusedError(ValueError):
    """The key came before with another request; the caller must use a new key per request."""


class KeyReused(APIException):
    status_code = 422
    default_code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status with its JSON body; `replayed` when it was given before."""

    status: int
    body: Any
    replayed: bool = False


class Caller(Protocol):
    """Who calls, and what it was answered."""

    def answer_once(self, *, key: str, request_hash: str, answer: Callable[[], Answer]) -> Answer:
        """What `answer` returned the first time that this caller sent `key`; it is called only then.

        Raises KeyReusedError when the key came before with another request.
        """


def idempotent(*, required: bool) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Let a retry with the same `Idempotency-Key` get the first answer again, marked `Idempotency-Replayed: true`.

    Without `required`, a request without the header is simply handled. Errors that the view raises are not kept.
    """

    def decorate(handler: Callable[..., Response]) -> Callable[..., Response]:
        @functools.wraps(handler)
        def handle(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            key = request.headers.get(HEADER, "").strip()
            _check_key(key, required=required)
            if not key:
                return handler(view, request, *args, **kwargs)

            def answer() -> Answer:
                response = handler(view, request, *args, **kwargs)
                return Answer(response.status_code, orjson.loads(JSONRenderer().render(response.data)))

            caller = cast(Caller, request.user)
            request_hash = fingerprint(method=request.method or "", path=request.path, body=request.data)
            try:
                given = caller.answer_once(key=key, request_hash=request_hash, answer=answer)
            except KeyReusedError as error:
                raise KeyReused(str(error)) from error
            headers = {"Idempotency-Replayed": "true"} if given.replayed else None
            return Response(given.body, status=given.status, headers=headers)

        return handle

    return decorate


def fingerprint(*, method: str, path: str, body: Any) -> str:
    """SHA-256 of what makes a request the same request; the order of JSON keys does not count."""
    request = [method, path, body]
    try:
        text = orjson.dumps(request, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # half an emoji
        text = json.dumps(request, sort_keys=True).encode()
    return hashlib.sha256(text).hexdigest()


def _check_key(key: str, *, required: bool) -> None:
    if required and not key:
        raise ValidationError({HEADER: f"Send a unique {HEADER} header, and the same one again when you retry."})
    if len(key) > KEY_LENGTH:
        raise ValidationError({HEADER: f"The {HEADER} header is limited to {KEY_LENGTH} characters."})


def key_header(*, required: bool) -> OpenApiParameter:
    """The header as the API docs show it."""
    return OpenApiParameter(
        HEADER,
        {"type": "string", "maxLength": KEY_LENGTH},
        OpenApiParameter.HEADER,
        required=required,
        description="A value of your own, unique to this request. A retry with the same key gets the same answer and "
        "has no second effect; the same key with another body is refused with 422.",
    )
