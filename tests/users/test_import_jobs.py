import csv
import gzip
from datetime import timedelta
from io import StringIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from users.choices import ImportState
from users.importing import jobs, run
from users.importing.errors import read_parts
from users.importing.guess import guess_columns, guess_encoding
from users.importing.jobs import IllegalMoveError
from users.models import Customer, Event, ImportJob, QualityCount, User
from users.tasks import resume_imports, run_import

pytestmark = pytest.mark.django_db

HEAD = "customer_id,item_id,type,occurred_at"


def rows(count: int) -> str:
    return "\n".join([HEAD, *(f"c{n % 7},i{n % 5},view,2026-03-01T12:00:{n % 60:02}Z" for n in range(count))])


@pytest.fixture
def user() -> User:
    return User.objects.create_superuser("staff", "staff@example.com", "secret")


@pytest.fixture
def staff(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def make_job(user):
    def make(text: str, name: str = "events.csv", kind: str = "events", **options) -> ImportJob:
        job = jobs.create_job(
            kind=kind,
            file=ContentFile(text.encode()),
            file_name=name,
            encoding="utf-8-sig",
            time_zone="UTC",
            user_id=user.pk,
        )
        jobs.configure_job(
            job_id=job.pk, **({"columns": {}, "constants": {}, "encoding": "utf-8-sig", "time_zone": "UTC"} | options)
        )
        return job

    return make


def checked(job: ImportJob) -> ImportJob:
    jobs.start_check(job_id=job.pk)
    run_import(job.pk)
    job.refresh_from_db()
    return job


def imported(job: ImportJob) -> ImportJob:
    jobs.start_import(job_id=job.pk)
    run_import(job.pk)
    job.refresh_from_db()
    return job


def test_a_check_changes_nothing_and_the_import_does_what_it_said(make_job):
    job = checked(make_job(rows(50) + "\nc1,i1,teleport,2026-03-01"))
    assert (job.state, job.rows, job.accepted, job.refused) == (ImportState.CHECKED, 51, 50, {"unknown_type": 1})
    assert not Event.objects.exists()
    assert not QualityCount.objects.exists()
    job = imported(job)
    assert (job.state, job.rows, job.accepted, job.refused) == (ImportState.DONE, 51, 50, {"unknown_type": 1})
    assert Event.objects.count() == 50


def test_the_same_file_twice_changes_nothing(make_job):
    for expected in (50, 0):
        assert imported(checked(make_job(rows(50)))).accepted == expected
    assert Event.objects.count() == 50


def test_a_killed_import_goes_on_behind_the_last_stored_batch_and_counts_every_row_once(make_job, monkeypatch):
    monkeypatch.setattr(run, "BATCH", 20)
    job = checked(make_job(rows(100) + "\nc1,i1,teleport,2026-03-01"))
    jobs.start_import(job_id=job.pk)
    ingested = []
    ingest = run._ingest

    def killed_in_the_third_batch(*args, **kwargs):
        ingested.append(len(args[1]))
        if len(ingested) == 3:
            raise KeyboardInterrupt  # what no handler of the job catches, as if the process were gone
        return ingest(*args, **kwargs)

    monkeypatch.setattr(run, "_ingest", killed_in_the_third_batch)
    with pytest.raises(KeyboardInterrupt):
        run_import(job.pk)
    job.refresh_from_db()
    assert (job.state, job.rows, Event.objects.count()) == (ImportState.RUNNING, 40, 40)
    monkeypatch.setattr(run, "_ingest", ingest)

    assert jobs.waiting_jobs(now=timezone.now()) == [], "its worker may still live"
    later = timezone.now() + 2 * jobs.SILENCE
    assert jobs.waiting_jobs(now=later) == [job.pk]
    ImportJob.objects.update(heartbeat_at=timezone.now() - 2 * jobs.SILENCE)
    run_import(job.pk)
    job.refresh_from_db()
    assert (job.state, job.rows, job.accepted, job.duplicates) == (ImportState.DONE, 101, 100, 0)
    assert Event.objects.count() == 100
    assert QualityCount.objects.get(reason="unknown_type").rows == 1


def test_a_worker_that_was_taken_for_dead_stores_nothing_more(make_job, monkeypatch):
    monkeypatch.setattr(run, "BATCH", 20)
    job = checked(make_job(rows(60)))
    jobs.start_import(job_id=job.pk)
    ingest = run._ingest

    def taken_over(*args, **kwargs):
        ImportJob.objects.filter(rows=20).update(attempt=7)
        return ingest(*args, **kwargs)

    monkeypatch.setattr(run, "_ingest", taken_over)
    run_import(job.pk)
    assert Event.objects.count() == 20


def test_a_cancelled_import_stops_at_a_batch_and_can_go_on(make_job, monkeypatch):
    monkeypatch.setattr(run, "BATCH", 20)
    job = checked(make_job(rows(60)))
    jobs.start_import(job_id=job.pk)
    ingest = run._ingest

    def cancelled_meanwhile(*args, **kwargs):
        if ImportJob.objects.get().rows == 20:
            jobs.cancel_job(job_id=job.pk)
        return ingest(*args, **kwargs)

    monkeypatch.setattr(run, "_ingest", cancelled_meanwhile)
    run_import(job.pk)
    job.refresh_from_db()
    # Here the cancelling was part of the batch that it rolled back; from outside it stays.
    assert Event.objects.count() == 20
    ImportJob.objects.update(state=ImportState.CANCELLED)
    monkeypatch.setattr(run, "_ingest", ingest)
    jobs.continue_job(job_id=job.pk)
    run_import(job.pk)
    job.refresh_from_db()
    assert (job.state, job.rows, job.accepted) == (ImportState.DONE, 60, 60)


def test_steps_out_of_order_are_refused(make_job):
    job = make_job(rows(2))
    for step in (jobs.start_import, jobs.continue_job, jobs.cancel_job):
        with pytest.raises(IllegalMoveError):
            step(job_id=job.pk)
    checked(job)
    imported(job)
    with pytest.raises(IllegalMoveError):
        jobs.start_import(job_id=job.pk)


def test_a_job_whose_workers_keep_dying_is_given_up(make_job):
    job = make_job(rows(2))
    jobs.start_check(job_id=job.pk)
    ImportJob.objects.update(attempt=jobs.MOST_ATTEMPTS)
    run_import(job.pk)
    job.refresh_from_db()
    assert job.state == ImportState.FAILED
    assert "5 times" in job.error


def test_a_file_that_breaks_off_fails_its_check_before_anything_is_stored(make_job):
    job = checked(make_job('{"customer_id": "c", "type": "page", "occurred_at": "2026-01-01"}\n{oops', "events.jsonl"))
    assert job.state == ImportState.FAILED
    assert "line 2" in job.error
    assert not Event.objects.exists()


def test_files_are_forgotten_with_their_refused_rows_but_not_under_work(make_job):
    done, waiting = checked(make_job("customer_id,type,occurred_at\nc,x,y")), make_job(rows(1))
    jobs.start_check(job_id=waiting.pk)
    name = done.file.name
    assert b"bad_occurred_at" in b"".join(read_parts(job_id=done.pk))
    assert jobs.forget_files(before=timezone.now() + timedelta(seconds=1)) == 1
    assert not default_storage.exists(name)
    assert b"bad_occurred_at" not in b"".join(read_parts(job_id=done.pk))
    waiting.refresh_from_db()
    assert waiting.file


def upload(client: Client, name: str, content: bytes, kind: str = "events"):
    file = SimpleUploadedFile(name, content)
    return client.post(reverse("admin:users_importjob_add"), {"kind": kind, "file": file}, follow=True)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("events.xlsx", b"PK", "must end in"),
        ("events.csv", b"", "is empty"),
        ("events.csv", b"a,b\n", "no rows"),
        ("events.csv.gz", gzip.compress(rows(2000).encode())[:-40], "cut short"),
        ("events.csv.gz", b"no gzip", "gzip data is damaged"),
        ("events.parquet", b"PAR1 not really", "not a readable Parquet"),
        ("events.jsonl", b'{"a": 1}\n{oops', "line 2"),
        ("events.csv", b"a,b\n1,2,3\n", "3 cells for 2 columns"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_at_its_field(staff, name, content, words):
    page = upload(staff, name, content).content.decode()
    assert words in page
    assert not ImportJob.objects.exists()


def test_a_file_that_is_too_large_is_refused_at_its_field(staff, settings):
    settings.IMPORT_MAX_BYTES = 10
    assert "the most is 10" in upload(staff, "events.csv", rows(3).encode()).content.decode().replace("\xa0", " ")
    assert not ImportJob.objects.exists()


def test_from_upload_to_import_in_the_admin(staff, django_capture_on_commit_callbacks):
    text = "订单号,会员编号,货号,数量,单价,下单时间\n9,张三,杯子,2,3.50,2026-03-01 12:00\n9,,杯子,2,3.50,2026-03-02\n"
    response = upload(staff, "导出.csv", text.encode("gb18030"))
    job = ImportJob.objects.get()
    assert (job.encoding, job.state) == ("gb18030", ImportState.DRAFT)
    page = response.content.decode()
    assert "杯子" in page
    form = response.context["form"]
    data = {field.html_name: field.value() or "" for field in form}
    assert data["column-customer_id"] == "会员编号"
    assert (data["constant-type"], data["constant-currency"]) == ("purchase", "GBP")

    change = reverse("admin:users_importjob_change", args=[job.pk])
    with django_capture_on_commit_callbacks() as callbacks:
        staff.post(change, {**data, "time_zone": "Asia/Shanghai", "check": ""})
    assert len(callbacks) == 1
    run_import(job.pk)
    page = staff.get(change).content.decode()
    assert "Import 1 row" in page
    assert "missing_customer_id" in page
    with django_capture_on_commit_callbacks() as callbacks:
        staff.post(reverse("admin:users_importjob_step", args=[job.pk, "import"]))
    assert len(callbacks) == 1
    status = reverse("admin:users_importjob_status", args=[job.pk])
    assert "HX-Refresh" not in staff.get(status)
    run_import(job.pk)
    assert staff.get(status)["HX-Refresh"] == "true"
    event = Event.objects.select_related("customer", "item").get()
    assert (event.customer.external_id, event.item.external_id, event.quantity) == ("张三", "杯子", 2)
    assert event.occurred_at.isoformat() == "2026-03-01T04:00:00+00:00"
    refused = staff.get(reverse("admin:users_importjob_refused", args=[job.pk]))
    text = b"".join(refused.streaming_content).decode("utf-8-sig")
    assert [line[:2] for line in csv.reader(StringIO(text))] == [["row", "reason"], ["2", "missing_customer_id"]]


def test_a_needed_field_without_a_column_is_refused_at_its_field(staff):
    upload(staff, "events.csv", b"who,when\nc1,2026-01-01\n")
    job = ImportJob.objects.get()
    response = staff.post(
        reverse("admin:users_importjob_change", args=[job.pk]),
        {"encoding": "utf-8-sig", "time_zone": "Mars", "column-customer_id": "who", "check": ""},
    )
    page = response.content.decode()
    assert "Choose a column, or give one value" in page
    assert "Europe/Berlin" in page
    job.refresh_from_db()
    assert job.state == ImportState.DRAFT


def test_whoever_may_only_look_can_change_nothing(make_job):
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_importjob"))
    client = Client()
    client.force_login(viewer)
    job = make_job(rows(1))
    assert client.get(reverse("admin:users_importjob_change", args=[job.pk])).status_code == 200
    assert client.post(reverse("admin:users_importjob_step", args=[job.pk, "import"])).status_code == 403
    assert client.get(reverse("admin:users_importjob_refused", args=[job.pk])).status_code == 403


def test_lost_jobs_are_sent_to_a_worker_again(make_job, monkeypatch):
    job = make_job(rows(1))
    jobs.start_check(job_id=job.pk)
    ImportJob.objects.update(heartbeat_at=timezone.now() - 2 * jobs.SILENCE)
    sent = []
    monkeypatch.setattr(run_import, "delay", sent.append)
    resume_imports()
    assert sent == [job.pk]


@pytest.mark.parametrize(
    ("text", "encoding", "guess"),
    [
        ("title\nCafé crème à la carte\n", "cp1252", "cp1252"),
        ("title\nGrüße aus Köln, Straße, Äpfel\n", "latin-1", "cp1252"),
        ("标题\n蓝色的杯子，大号\n", "gb18030", "gb18030"),
        ("标题\n蓝色的杯子\n", "utf-8", "utf-8-sig"),
        ("title\nmug\n", "ascii", "utf-8-sig"),
        ("title\nmug\n", "utf-16", "utf-16"),
    ],
)
def test_encodings_are_told_apart(tmp_path, text, encoding, guess):
    path = tmp_path / "file.csv"
    path.write_bytes(text.encode(encoding))
    assert guess_encoding(path) == guess


@pytest.mark.parametrize(
    ("kind", "columns", "found"),
    [
        (
            "events",
            ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"],
            ["order_id", "item_id", "quantity", "occurred_at", "price", "customer_id", None],
        ),
        (
            "items",
            ["SKU", "Product Name", "Price", "RRP", "Qty"],
            ["external_id", "title", "price", "list_price", "stock"],
        ),
        ("customers", ["Customer ID", "E-Mail", "Birthday"], ["external_id", "email", "birth_date"]),
    ],
)
def test_columns_are_recognised_by_their_usual_names(kind, columns, found):
    guessed = guess_columns(kind, columns)
    assert [guessed.get(column) for column in columns] == found


def test_a_parquet_file_is_previewed_and_imported(staff, tmp_path):
    path = tmp_path / "customers.parquet"
    pq.write_table(pa.table({"external_id": ["c1", "c2"], "country": ["Germany", "FR"]}), path)
    upload(staff, "customers.parquet", path.read_bytes(), kind="customers")
    job = imported(checked(ImportJob.objects.get()))
    assert job.accepted == 2
    assert set(Customer.objects.values_list("country", flat=True)) == {"DE", "FR"}
