"""Uploaded files that name a customer go with them, however they are written."""

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from tests.factories import CustomerFactory
from users.privacy import files
from users.privacy.access import COMMAND
from users.privacy.erase import erase_customer

TEXTS = ["c1", "zoë@example.com"]


@pytest.fixture
def store(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path

    def save(name: str, content: bytes) -> str:
        return default_storage.save(f"imports/{name}", ContentFile(content))

    return save


def parquet(*ids: str) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"external_id": list(ids)}), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"external_id,email\nc1,\n",
        b"message\n'ORDER-C1' is unknown\n",
        "id;mail\n7;zoë@example.com\n".encode("gb18030"),
        "mail\nzoë@example.com\n".encode("utf-16-le"),
        json.dumps({"email": "zoë@example.com"}).encode(),
        gzip.compress(b"external_id\nc1\n"),
        gzip.compress(b"external_id\nc2\n")[:-6],
        parquet("c0", "c1"),
        b"x" * (files.CHUNK - 3) + b",c1,",
    ],
    ids=["csv", "refused", "gb18030", "utf-16", "json", "gzip", "damaged", "parquet", "over the edge of a piece"],
)
def test_a_file_that_names_the_customer_is_deleted(store, content):
    name = store("rows.bin", content)
    assert files.delete_files_mentioning(TEXTS) == 1
    assert not default_storage.exists(name)


@pytest.mark.parametrize(
    "content", [b"", b"external_id\nc12\nabc1\n", gzip.compress(b"c2", mtime=0), parquet("c2"), b"PAR"]
)
def test_other_files_stay(store, content):
    name = store("deep/er/rows.bin", content)
    assert files.delete_files_mentioning(TEXTS) == 0
    assert files.delete_files_mentioning([]) == 0
    assert default_storage.exists(name)


@pytest.mark.django_db
def test_an_erasure_takes_the_files_along(store):
    names = [store("a.csv", b"external_id\nc1\n"), store("b.csv", b"external_id\nc2\n")]
    erasure = erase_customer(customer=CustomerFactory(external_id="c1"), actor=COMMAND)
    assert erasure.rows["files"] == 1
    assert [default_storage.exists(name) for name in names] == [False, True]
