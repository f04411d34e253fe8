"""Who calls: an API key in `Authorization: Bearer …`, and what its scope allows."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from catalog.idempotency import Answer
from users.api_keys import find_api_key
from users.choices import ApiScope
from users.idempotency import answer_once
from users.models import ApiKey

if TYPE_CHECKING:  # DRF's views import this module while they load
    from rest_framework.views import APIView


class ApiKeyUser:
    """The caller behind an API key, who gets the same answer to the same request.

    DRF asks every caller for `is_authenticated`; staff rights do not apply.
    """

    is_authenticated = True
    is_active = True
    pk = None

    def __init__(self, api_key: ApiKey) -> None:
        self.api_key = api_key

    def __str__(self) -> str:
        return str(self.api_key)

    def answer_once(self, *, key: str, request_hash: str, answer: Callable[[], Answer]) -> Answer:
        return answer_once(api_key=self.api_key, key=key, request_hash=request_hash, answer=answer)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>`. `request.auth` is the `ApiKey`."""

    def authenticate(self, request: Request) -> tuple[ApiKeyUser, ApiKey] | None:
        parts = get_authorization_header(request).decode("latin-1").split()
        if not parts or parts[0].lower() != "bearer":
            return None
        api_key = find_api_key(parts[1]) if len(parts) == 2 else None
        if api_key is None:
            raise AuthenticationFailed("This API key is unknown or revoked. Send it as 'Authorization: Bearer <key>'.")
        return ApiKeyUser(api_key), api_key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasScope(BasePermission):
    """A server key may do everything; another scope only what the view lists in `scopes`."""

    message = "This API key's scope does not allow this call; use a key made with --scope server."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not isinstance(request.auth, ApiKey):
            return False
        allowed: set[str] = getattr(view, "scopes", set())
        return request.auth.scope == ApiScope.SERVER or request.auth.scope in allowed


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "users.api.authentication.ApiKeyAuthentication"
    name = "API key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
