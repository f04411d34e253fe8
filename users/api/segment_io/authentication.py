"""Segment's way to say who calls: the write key as the user name of HTTP Basic, without a password (RFC 7617)."""

import base64
import binascii

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from users.api.authentication import ApiKeyUser
from users.api_keys import find_api_key
from users.models import ApiKey


class WriteKeyAuthentication(BaseAuthentication):
    """`Authorization: Basic base64(key:)`. `request.auth` is the `ApiKey`."""

    def authenticate(self, request: Request) -> tuple[ApiKeyUser, ApiKey] | None:
        scheme, _, encoded = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            key = base64.b64decode(encoded, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            raise AuthenticationFailed("The Basic credentials are not readable.") from None
        api_key = find_api_key(key)
        if api_key is None:
            raise AuthenticationFailed("This write key is unknown or revoked.")
        return ApiKeyUser(api_key), api_key

    def authenticate_header(self, request: Request) -> str:
        return "Basic"
