import json

import pytest
from django.urls import reverse

from notifications.models import Segment
from tests.factories import CustomerFactory, SegmentFactory

pytestmark = pytest.mark.django_db
BRITISH = {"field": "customer.country", "op": "in", "value": ["GB"]}


def preview(client, rule, name=""):
    text = rule if isinstance(rule, str) else json.dumps(rule)
    answer = client.post(reverse("admin:notifications_segment_preview"), {"rule": text, "name": name})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_preview_counts_and_explains(admin_client):
    CustomerFactory.create_batch(2, country="GB")
    shown = preview(admin_client, BRITISH)
    assert "2 customers match now" in shown
    assert "Customers whose country is GB." in shown


def test_the_preview_names_what_is_wrong(admin_client):
    shown = preview(admin_client, {"all": [BRITISH, {"event": "view", "within_days": 0}]})
    assert "<code>all[1].within_days</code> must be a whole number" in shown
    assert "not JSON yet" in preview(admin_client, '{"all": [')
    assert "<script>" not in preview(admin_client, {"segment": "<script>"})


def test_the_preview_is_for_staff(client):
    assert client.post(reverse("admin:notifications_segment_preview"), {"rule": "{}"}).status_code == 302


def test_a_faulty_rule_is_not_saved_and_a_sound_one_is(admin_client):
    url = reverse("admin:notifications_segment_add")
    refused = admin_client.post(url, {"name": "S", "rule": json.dumps({"all": []})})
    assert "all: must be a list of at least one rule" in refused.content.decode()
    assert not Segment.objects.exists()
    admin_client.post(url, {"name": "S", "rule": json.dumps(BRITISH)})
    assert Segment.objects.get().rule == BRITISH


def test_a_rule_is_shown_with_one_test_a_line(admin_client):
    segment = SegmentFactory(rule={"all": [BRITISH, {"not": {"coupon": "unused"}}]})
    page = admin_client.get(reverse("admin:notifications_segment_change", args=[segment.pk]))
    assert page.context["adminform"].form["rule"].value() == (
        '{\n  "all": [\n    {"field": "customer.country", "op": "in", "value": ["GB"]},\n'
        '    {"not": {"coupon": "unused"}}\n  ]\n}'
    )


def test_a_segment_in_use_by_another_keeps_its_name_and_stays(admin_client):
    loyal = SegmentFactory(name="Loyal")
    SegmentFactory(name="Loyal and British", rule={"all": [BRITISH, {"not": {"segment": "Loyal"}}]})
    change = reverse("admin:notifications_segment_change", args=[loyal.pk])
    refused = admin_client.post(change, {"name": "Faithful", "rule": json.dumps(loyal.rule)}).content.decode()
    assert "used under this name by: Loyal and British" in refused
    delete = reverse("admin:notifications_segment_delete", args=[loyal.pk])
    assert "Loyal and British" in admin_client.get(delete).content.decode()
    admin_client.post(delete, {"post": "yes"})
    assert Segment.objects.filter(name="Loyal").exists()


def test_the_list_reads_as_sentences_also_of_a_rule_that_broke(admin_client):
    SegmentFactory(rule=BRITISH)
    SegmentFactory(rule={"segment": "Gone"})
    page = admin_client.get(reverse("admin:notifications_segment_changelist")).content.decode()
    assert "Customers whose country is GB." in page
    assert "there is no segment “Gone”" in page
