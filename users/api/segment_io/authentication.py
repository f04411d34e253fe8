"""Segment's two ways to say who calls: HTTP Basic without a password (RFC 7617), or `writeKey` in the body."""

import base64
import binascii

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from users.api.authentication import ApiKeyUser
from users.api_keys import find_api_key
from users.models import ApiKey


class WriteKeyAuthentication(BaseAuthentication):
    """`Authorization: Basic base64(key:)`, else `writeKey` in the body, because beacons carry no headers.

    `request.auth` is the `ApiKey`.
    """

    def authenticate(self, request: Request) -> tuple[ApiKeyUser, ApiKey] | None:
        scheme, _, encoded = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() == "basic":
            key = _user_name(encoded)
        elif not scheme and isinstance(request.data, dict) and isinstance(request.data.get("writeKey"), str):
            key = request.data["writeKey"]
        else:
            return None
        api_key = find_api_key(key)
        if api_key is None:
            raise AuthenticationFailed("This write key is unknown or revoked.")
        return ApiKeyUser(api_key), api_key

    def authenticate_header(self, request: Request) -> str:
        return "Basic"


def _user_name(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        raise AuthenticationFailed("The Basic credentials are not readable.") from None
