"""Every text of every catalogue has its Chinese, compiled; and the pages use it."""

import ast
import gettext
import re
from collections import defaultdict
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.contrib.humanize.templatetags.humanize import intcomma
from django.test import Client
from django.urls import reverse
from django.utils import translation

from notifications.admin import labels
from notifications.choices import CampaignStatus, MessageState, RecipientStatus, RunStatus
from notifications.segments import explain_rule
from tests.factories import CampaignFactory
from users.choices import EventType
from users.models import User

CATALOGUES = sorted(settings.BASE_DIR.glob("*/*locale/*/LC_MESSAGES/django.po"))
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd%]|\{\w*\}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
FIELD = re.compile(r'(?:(msgctxt|msgid|msgid_plural|msgstr)(?:\[\d+\])? )?(".*")')


def entries(path: Path) -> list[dict[str, str]]:
    """The entries of a `.po` file without its header. Chinese has one form for every number."""
    found = []
    for block in path.read_text().split("\n\n"):
        entry: dict[str, str] = defaultdict(str)
        name = ""
        for line in block.splitlines():
            if match := FIELD.fullmatch(line):
                name = match[1] or name
                entry[name] += ast.literal_eval(match[2])
            else:
                assert line.startswith("#"), line
                entry["comments"] += line
        found.append(entry)
    return [entry for entry in found if entry["msgid"]]


def key(entry: dict[str, str]) -> str:
    return f"{entry['msgctxt']}\x04{entry['msgid']}" if entry["msgctxt"] else entry["msgid"]


def test_every_app_has_a_catalogue():
    folders = {path.parts[len(settings.BASE_DIR.parts)] for path in CATALOGUES}
    assert folders == {"catalog", "config", "demo", "notifications", "recommendations", "users"}


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: "/".join(path.parts[-5:-3]))
class TestCatalogue:
    def test_every_text_is_translated_with_the_same_placeholders(self, path):
        assert entries(path)
        for entry in entries(path):
            assert entry["msgstr"].strip(), entry["msgid"]
            assert "fuzzy" not in entry["comments"], entry["msgid"]
            assert "#~" not in entry["comments"], entry["comments"]
            wanted, got = (sorted(PLACEHOLDER.findall(entry[name])) for name in ("msgid", "msgstr"))
            assert wanted == got, entry["msgid"]

    def test_what_is_compiled_is_what_is_written(self, path):
        with path.with_suffix(".mo").open("rb") as file:
            compiled = gettext.GNUTranslations(file)._catalog
        written = {(key(entry), 0) if entry["msgid_plural"] else key(entry): entry["msgstr"] for entry in entries(path)}
        assert {name: text for name, text in compiled.items() if name} == written


def test_a_text_reads_the_same_in_every_catalogue_because_django_merges_them():
    readings = defaultdict(set)
    for path in CATALOGUES:
        for entry in entries(path):
            readings[key(entry)].add(entry["msgstr"])
    assert {name: texts for name, texts in readings.items() if len(texts) > 1} == {}


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.label)
def test_every_column_of_the_admin_has_a_chinese_heading(model):
    with translation.override("zh-hans"):
        model_admin = admin.site._registry[model]
        labels = [label_for_field(name, model, model_admin) for name in model_admin.list_display if name != "__str__"]
        names = [model._meta.verbose_name, model._meta.verbose_name_plural, *labels]
        bare = [str(name) for name in names if name and not CHINESE.search(str(name))]
    assert [name for name in bare if not name.endswith("@10")] == []  # NDCG@10 and the like are called that everywhere


@pytest.mark.parametrize(
    ("colours", "choices"),
    [
        (labels.CAMPAIGN_COLOURS, CampaignStatus),
        (labels.RUN_COLOURS, RunStatus),
        (labels.RECIPIENT_COLOURS, RecipientStatus),
        (labels.MESSAGE_COLOURS, MessageState),
    ],
)
def test_every_status_has_a_colour_because_the_theme_shows_the_bare_code_without_one(colours, choices):
    assert set(colours) == set(choices)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("kind", EventType, ids=lambda kind: kind.code)
def test_a_segment_rule_can_be_read_back_for_every_kind_of_event(kind, language):
    sentence = explain_rule({"event": kind.code}, language)
    assert bool(CHINESE.search(sentence)) == (language == "zh-hans")


def test_figures_are_grouped_by_thousands():
    with translation.override("zh-hans"):
        assert intcomma(1234567) == "1,234,567"


@pytest.fixture
def staff(db) -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE="zh-hans")
    client.force_login(User.objects.create_superuser("staff", "staff@example.com", "secret"))
    return client


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("admin:index", ("概览", "营销活动", "用这些数据训练推荐模型", "搜索应用和模型…")),
        ("admin:notifications_campaign_changelist", ("营销活动", "对照组比例", "草稿")),
        ("admin:notifications_segment_add", ("人群", "规则 JSON", "正在统计…")),
        ("admin:recommendations_trainingrun_add", ("模型架构", "序列 Transformer", "时间预算（秒）", "存储精度")),
        ("demo:home", ("闭环运行中", "收件箱", '<html lang="zh-hans">')),
        ("demo:inbox", ("收件箱", "按地址搜索")),
    ],
)
def test_pages_answer_in_chinese(staff, name, texts):
    CampaignFactory()
    page = staff.get(reverse(name)).content.decode()
    for text in texts:
        assert text in page


def test_pages_stay_english_for_everyone_else(staff):
    page = staff.get(reverse("admin:index"), headers={"accept-language": "fr"}).content.decode()
    assert "Train the recommender on them" in page
    assert not CHINESE.search(page.replace("简体中文", ""))
