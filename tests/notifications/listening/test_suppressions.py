"""The suppression list: in and out by file and by API."""

from io import BytesIO

import pytest

from notifications.listening.suppressions import export_suppressions, import_suppressions, suppress
from notifications.models import Suppression
from tests.notifications.api.conftest import api  # noqa: F401 - a fixture
from users.encryption import lookup_hash

pytestmark = pytest.mark.django_db


def test_a_list_comes_in_once_with_its_reasons():
    lines = ["Address,Reason\n", "ada@example.com,complaint\n", "Bob@Example.com\n", "\n", "not an address\n"]
    done = import_suppressions(lines=lines)
    assert (done.added, done.known, done.bad_count, done.bad) == (2, 0, 1, ["5: not an address"])
    assert dict(Suppression.objects.values_list("address_hash", "reason")) == {
        lookup_hash("ada@example.com"): "complaint",
        lookup_hash("bob@example.com"): "imported",
    }
    assert import_suppressions(lines=lines).known == 2


def test_what_is_exported_can_be_imported_again():
    suppress(channel="email", address_hashes=[lookup_hash("ada@example.com")], reason='say "no"')
    lines = list(export_suppressions())
    Suppression.objects.all().delete()
    assert import_suppressions(lines=lines).added == 1
    assert Suppression.objects.get().reason == 'say "no"'


def test_in_the_admin(admin_client):
    file = BytesIO("\ufeffada@example.com\nnobody\n".encode())
    file.name = "list.csv"
    assert admin_client.get("/admin/notifications/suppression/import/").status_code == 200
    page = admin_client.post("/admin/notifications/suppression/import/", {"file": file}, follow=True).content.decode()
    assert "1 added, 0 known already, 1 not understood." in page
    exported = b"".join(admin_client.get("/admin/notifications/suppression/export/").streaming_content).decode()
    assert lookup_hash("ada@example.com") in exported


def test_by_api(api):  # noqa: F811
    body = {"addresses": ["ada@example.com", "bob@example.com"], "reason": "shop"}
    assert api.post("/api/v1/suppressions/", body).json() == {"changed": 2}
    assert api.post("/api/v1/suppressions/", body).json() == {"changed": 0}
    asked = {"addresses": ["ada@example.com", "eve@example.com"]}
    assert api.post("/api/v1/suppressions/look-up/", asked).json() == [
        {"address": "ada@example.com", "reason": "shop"},
        {"address": "eve@example.com", "reason": None},
    ]
    assert api.post("/api/v1/suppressions/remove/", asked).json() == {"changed": 1}
    assert Suppression.objects.count() == 1
