import pytest

from notifications.models import Segment
from tests.factories import CustomerFactory, SegmentFactory

RULE = {"field": "customer.country", "op": "in", "value": ["GB"]}


def test_a_segment_is_created_read_listed_and_counted(api):
    created = api.post("/api/v1/segments/", {"name": "British", "rule": RULE})
    assert created.status_code == 201
    assert created.json()["sentence"] == "Customers whose country is GB."
    url = f"/api/v1/segments/{created.json()['id']}/"
    assert api.get(url).json() == created.json() == api.get("/api/v1/segments/").json()["results"][0]
    CustomerFactory.create_batch(2, country="GB")
    assert api.get(f"{url}count/").json() == {"count": 2}
    chinese = api.get(url, headers={"Accept-Language": "zh-hans"})
    assert chinese.json()["sentence"] == "满足以下条件的客户：国家为 GB。"


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"all": [RULE, {"event": "view", "within_days": 0}]}, "all[1].within_days: must be a whole number"),
        ({"segment": "British"}, "segment: refers back to itself"),
        (None, ""),
    ],
)
def test_faults_of_a_rule_are_named_at_their_place(api, rule, fault):
    answer = api.post("/api/v1/segments/", {"name": "British", "rule": rule})
    assert answer.status_code == 400
    assert answer.json()["rule"][0].startswith(fault)
    assert not Segment.objects.exists()


def test_a_rule_that_broke_is_still_listed_and_cannot_be_counted(api):
    broken = SegmentFactory(rule={"segment": "Gone"})
    assert api.get(f"/api/v1/segments/{broken.pk}/").json()["sentence"] is None
    answer = api.get(f"/api/v1/segments/{broken.pk}/count/")
    assert (answer.status_code, list(answer.json())) == (400, ["rule"])
