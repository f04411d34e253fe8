"""Trainings by API: start, follow, stop."""

import pytest
from rest_framework.test import APIClient

from recommendations.models import TrainingRun
from users.api_keys import create_api_key
from users.choices import ApiScope

URL = "/api/v1/trainings/"


def client(scope=ApiScope.SERVER):
    one = APIClient()
    one.credentials(HTTP_AUTHORIZATION=f"Bearer {create_api_key(name='shop', scope=scope)[1]}")
    return one


@pytest.mark.django_db
def test_a_training_is_queued_with_its_options_followed_and_stopped(django_capture_on_commit_callbacks):
    shop = client()
    with django_capture_on_commit_callbacks() as queued:
        answer = shop.post(URL, {"architecture": "item_knn", "time_budget": 60, "precision": "int8"})
    assert answer.status_code == 202
    assert len(queued) == 1, "its task leaves with the transaction"
    run = TrainingRun.objects.get()
    assert (run.architecture, run.config["time_budget"], run.config["precision"]) == ("item_knn", 60, "int8")
    assert shop.get(f"{URL}{run.pk}/").json()["status"] == "queued"
    assert [row["id"] for row in shop.get(URL).json()["results"]] == [run.pk]
    assert shop.post(f"{URL}{run.pk}/cancel/").json()["status"] == "cancelled"
    assert shop.post(f"{URL}{run.pk}/cancel/").status_code == 409


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "field"),
    [({"architecture": "oracle"}, "architecture"), ({"time_budget": 1}, "time_budget"), ({"seed": -1}, "seed")],
)
def test_what_cannot_be_trained_is_refused_by_name(body, field):
    answer = client().post(URL, body)
    assert answer.status_code == 400
    assert field in answer.json()
    assert not TrainingRun.objects.exists()


@pytest.mark.django_db
def test_a_write_key_may_not_train():
    assert client(ApiScope.WRITE).post(URL, {}).status_code == 403
