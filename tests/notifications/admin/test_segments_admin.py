import json
import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse

from notifications.admin import segments
from notifications.campaigns import segment_funnel
from notifications.models import Segment
from notifications.segments import RuleError, validate_rule
from notifications.segments.catalogue import rule_catalogue
from notifications.segments.schema import KEYS
from notifications.tasks import count_funnel
from tests.factories import (
    CampaignFactory,
    CategoryFactory,
    ConsentFactory,
    CustomerFactory,
    ItemFactory,
    OfferFactory,
    SegmentFactory,
)

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
    assert "<code>all[1].within_days</code> <span>must be a whole number" in shown
    assert "not JSON yet" in preview(admin_client, '{"all": [')
    assert "<script>" not in preview(admin_client, {"segment": "<script>"})


def test_nobody_and_everyone_are_warned_of(admin_client):
    assert "Nobody matches." in preview(admin_client, BRITISH)
    CustomerFactory(country="GB")
    assert "Everyone matches." in preview(admin_client, BRITISH)
    CustomerFactory(country="FR")
    assert "rb-warning" not in preview(admin_client, BRITISH)


def test_json_nested_without_end_is_refused(admin_client):
    deep = '{"not": ' * 100_000
    assert "not JSON yet" in preview(admin_client, deep)
    page = admin_client.post(reverse("admin:notifications_segment_add"), {"name": "S", "rule": deep})
    assert "This is not JSON" in page.content.decode()


def funnel(client, **values):
    answer = client.post(reverse("admin:notifications_segment_funnel"), {"rule": json.dumps(BRITISH), **values})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_funnel_shows_what_a_campaign_would_reach(admin_client):
    for number in range(4):
        customer = CustomerFactory(country="GB")
        if number:
            ConsentFactory(customer=customer, channel="webpush" if number == 1 else "email")
    shown = funnel(admin_client, funnel_hold_out="0")
    assert [int(n) for n in re.findall(r'ap-step-count">−?(\d+)', shown)] == [4, 2, 0, 0, 0, 2]
    assert "As soon as the rule is sound" in funnel(admin_client, rule='{"all": []}')


def test_what_takes_long_is_counted_by_a_worker(admin_client, monkeypatch, django_capture_on_commit_callbacks):
    cache.clear()
    monkeypatch.setattr(segments, "COUNT_TIME_LIMIT", timedelta(seconds=1))
    monkeypatch.setattr(
        segment_funnel, "audience_preview", lambda campaign: connection.cursor().execute("SELECT pg_sleep(9)")
    )
    shown = funnel(admin_client)
    assert "This takes long" in shown
    assert "Count in the background" in shown
    monkeypatch.undo()
    CustomerFactory(country="GB")
    asked = []
    monkeypatch.setattr(segments.count_funnel, "delay", lambda *arguments: asked.append(arguments))
    for _again in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            shown = funnel(admin_client, background="1")
        assert "Counting in the background" in shown
    assert asked == [(BRITISH, "email", "10")]
    count_funnel(*asked[0])
    assert "Will receive" in funnel(admin_client, background="1")


@pytest.mark.parametrize("kind", ["category", "item", "brand", "country", "attribute", "segment", "campaign", "offer"])
def test_values_are_suggested_and_known_ones_get_their_labels(admin_client, kind):
    category = CategoryFactory(external_id="k1", name="Green tea")
    ItemFactory(external_id="i1", title="Teapot", brand="Teatime", category=category)
    CustomerFactory(country="TE", attributes={"tea": 1})
    SegmentFactory(name="Tea lovers")
    CampaignFactory(name="Tea letter")
    OfferFactory(name="Tea for two")
    url = reverse("admin:notifications_segment_suggest")
    found = admin_client.get(url, {"kind": kind, "q": "te"}).json()["found"]
    assert len(found) == 1
    assert admin_client.get(url, {"kind": kind, "q": "zzz\x00"}).json()["found"] == []
    labelled = admin_client.get(url, {"kind": kind, "value": found[0]["value"]}).json()["found"]
    assert found[0] in labelled


def test_only_known_kinds_are_suggested(admin_client, client):
    url = reverse("admin:notifications_segment_suggest")
    assert admin_client.get(url, {"kind": "password"}).status_code == 404
    assert Client().get(url, {"kind": "brand"}).status_code == 302


def test_the_builder_offers_every_kind_of_rule_with_a_blank_that_is_nearly_sound():
    """Only what nobody can choose for the marketer is left open: names, values of lists."""
    offered = [thing for group in rule_catalogue()["groups"] for thing in group["things"]]
    assert {kind for thing in offered for kind in KEYS if kind in thing["blank"]} == KEYS.keys() - {"all", "any", "not"}
    for thing in offered:
        assert _faulty_places(thing["blank"]) <= {"value", "attribute", "segment"}, thing["key"]


def _faulty_places(rule):
    try:
        validate_rule(rule)
    except RuleError as error:
        return {problem.path for problem in error.problems}
    return set()


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
