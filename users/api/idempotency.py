"""The `Idempotency-Key` header, for any view method that must not happen twice."""

import functools
import json
from collections.abc import Callable
from typing import Any, cast

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from users.idempotency import KEY_LENGTH, Answer, KeyReusedError, answer_once, fingerprint
from users.models import ApiKey

HEADER = "Idempotency-Key"


class KeyReused(APIException):
    status_code = 422
    default_code = "idempotency_key_reused"


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
                return Answer(response.status_code, json.loads(JSONRenderer().render(response.data)))

            api_key = cast(ApiKey, request.auth)  # HasScope lets nobody else in
            request_hash = fingerprint(method=request.method or "", path=request.path, body=request.data)
            try:
                given = answer_once(api_key=api_key, key=key, request_hash=request_hash, answer=answer)
            except KeyReusedError as error:
                raise KeyReused(str(error)) from error
            headers = {"Idempotency-Replayed": "true"} if given.replayed else None
            return Response(given.body, status=given.status, headers=headers)

        return handle

    return decorate


def _check_key(key: str, *, required: bool) -> None:
    if required and not key:
        raise ValidationError({HEADER: f"Send a unique {HEADER} header, and the same one again when you retry."})
    if len(key) > KEY_LENGTH:
        raise ValidationError({HEADER: f"The {HEADER} header is limited to {KEY_LENGTH} characters."})


def key_header(*, required: bool) -> OpenApiParameter:
    """The header as the API docs show it."""
    return OpenApiParameter(
        HEADER,
        str,
        OpenApiParameter.HEADER,
        required=required,
        description="A value of your own, unique to this request. A retry with the same key gets the same answer and "
        "has no second effect; the same key with another body is refused with 422.",
    )
