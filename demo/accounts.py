"""The demo's staff user and its API key."""

import os

from django.contrib.auth import get_user_model

from users.api_keys import create_api_key, revoke_api_key
from users.choices import ApiScope
from users.models import ApiKey

DEMO_USER = "admin"
_KEY_NAME = "Demo shop"


def demo_password() -> str:
    """The password of the demo's staff user, as generated at the first start; empty outside the demo."""
    return os.environ.get("DEMO_PASSWORD", "")


def ensure_staff_user() -> None:
    """Create the demo's staff user, or give it the demo's password again."""
    user, _ = get_user_model().objects.get_or_create(
        username=DEMO_USER, defaults={"is_staff": True, "is_superuser": True, "email": "admin@example.com"}
    )
    if not user.check_password(demo_password()):
        user.set_password(demo_password())
        user.save(update_fields=["password"])


def new_api_key() -> str:
    """A fresh server key for the simulated shop; the one of an earlier simulation is revoked."""
    for row in ApiKey.objects.filter(name=_KEY_NAME):
        revoke_api_key(api_key=row)
        ApiKey.objects.filter(pk=row.pk).update(name=f"{_KEY_NAME}, replaced (#{row.pk})")
    return create_api_key(name=_KEY_NAME, scope=ApiScope.SERVER)[1]
