import pytest
from rest_framework.test import APIClient

from users.api_keys import create_api_key
from users.choices import ApiScope


@pytest.fixture
def api(db) -> APIClient:
    """A client with a server key."""
    _row, key = create_api_key(name="shop", scope=ApiScope.SERVER)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client
