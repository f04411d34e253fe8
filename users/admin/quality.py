"""Data quality: what was dropped, corrected or marked on the way in; and the customers that are bots."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from unfold.decorators import display

from catalog.big_tables import ReadOnlyBigTableAdmin
from users.admin.charts import Chart, stacked_bars
from users.choices import BotReason, RuleAction
from users.ingestion.cleaning import clear_bots, unclear_bots
from users.ingestion.report import QualityReport, ReasonReport, SourceReport, quality_report
from users.models import BotMark, Customer, QualityCount
from users.tasks import refresh_some_profiles

DAYS = 30
CHARTED = 7  # reasons with a colour of their own


@admin.register(QualityCount)
class QualityCountAdmin(ReadOnlyBigTableAdmin):
    """Its list is a page of its own: trends, sources, and what each reason means."""

    list_display = ("day", "source", "reason", "rows")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        report = quality_report(today=timezone.now().date(), days=DAYS)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Data quality"),
            "days": DAYS,
            "cards": _cards(report.total),
            "chart": _chart(report),
            "groups": [
                (group, reasons)
                for group in (RuleAction.DROPPED, RuleAction.CORRECTED, RuleAction.MARKED, RuleAction.REPEATED)
                if (reasons := [reason for reason in report.reasons if reason.rule.action == group])
            ],
            "sources": [_source_row(source) for source in report.sources],
            "is_empty": not report.sources,
        }
        return TemplateResponse(request, "users/admin/quality.html", context)


def _cards(total: SourceReport) -> list[tuple[str, str, str]]:
    rows, share = total.rows, total.lost_share
    return [
        (_("Rows taken"), f"{total.taken:,}", ""),
        (_("Dropped"), f"{rows[RuleAction.DROPPED]:,}", "" if share is None else _share(share)),
        (_("Corrected"), f"{rows[RuleAction.CORRECTED]:,}", _("kept")),
        (_("Kept and marked"), f"{rows[RuleAction.MARKED]:,}", _("to look at")),
        (_("Known already"), f"{rows[RuleAction.REPEATED]:,}", _("harmless repeats")),
    ]


def _share(share: float) -> str:
    return _("%(share)s of new rows") % {"share": f"{share:.2%}" if 0 < share < 0.1 else f"{share:.0%}"}


def _source_row(source: SourceReport) -> dict[str, Any]:
    share = source.lost_share
    return {
        "name": source.source,
        "taken": source.taken,
        "counts": [source.rows[action] for action in RuleAction],
        "share": "—" if share is None else f"{share:.1%}",
        "is_bad": share is not None and share > 0.05,
    }


def _chart(report: QualityReport) -> Chart | None:
    """Dropped, corrected and marked rows by day; repeats would drown them."""
    shown = [reason for reason in report.reasons if reason.rule.action != RuleAction.REPEATED]
    if not shown:
        return None
    series = [(str(reason.rule.title), reason.by_day) for reason in shown[:CHARTED]]
    if rest := shown[CHARTED:]:
        series.append((_("Other reasons"), [sum(values) for values in zip(*_days(rest), strict=True)]))
    day = pgettext("date format", "M d")
    return stacked_bars([date_format(each, day) for each in report.days], series)


def _days(reasons: list[ReasonReport]) -> list[list[int]]:
    return [reason.by_day for reason in reasons]


@admin.register(BotMark)
class BotMarkAdmin(ReadOnlyBigTableAdmin):
    list_display = ("customer_link", "why", "actions", "per_minute", "bits", "marked_at", "verdict")
    list_display_links = None
    list_select_related = ("customer", "cleared_by")
    list_filter = ("reason",)
    ordering = ("-marked_at",)
    search_fields = ("customer",)
    search_help_text = gettext_lazy("The shop's id of a customer")
    actions = ("clear", "unclear")
    list_before_template = "users/admin/bots_intro.html"

    @admin.display(description=gettext_lazy("customer"))
    def customer_link(self, mark: BotMark) -> str:
        url = f"../customer/{mark.customer_id}/change/"
        return format_html('<a class="ap-link" href="{}">{}</a>', url, mark.customer)

    @display(description=gettext_lazy("why"), label={BotReason.RATE: "danger", BotReason.RHYTHM: "warning"})
    def why(self, mark: BotMark) -> tuple[str, str]:
        return mark.reason, mark.get_reason_display()

    @admin.display(description=gettext_lazy("entropy, bits"), ordering="entropy")
    def bits(self, mark: BotMark) -> str:
        return "—" if mark.entropy is None else f"{mark.entropy:.2f}"

    @display(description=gettext_lazy("state"), label={"bot": "danger", "person": "success"})
    def verdict(self, mark: BotMark) -> tuple[str, str]:
        return ("person", _("a person after all")) if mark.cleared_at else ("bot", _("left out"))

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether the user may overrule the marking."""
        return bool(request.user.has_perm("users.change_botmark"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[BotMark], search_term: str
    ) -> tuple[QuerySet[BotMark], bool]:
        if not search_term:
            return queryset, False
        customers = Customer.objects.filter(external_id=search_term.strip()).values_list("pk", flat=True)
        return queryset.filter(customer__in=list(customers)), False

    @admin.action(description=gettext_lazy("These are people: count their events"), permissions=["act"])
    def clear(self, request: HttpRequest, queryset: QuerySet[BotMark]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        with transaction.atomic():
            changed = clear_bots(customer_ids=ids, user_id=request.user.pk)
            transaction.on_commit(lambda: refresh_some_profiles.delay(ids))
        self.message_user(request, _said(changed))

    @admin.action(description=gettext_lazy("These are bots: leave their events out"), permissions=["act"])
    def unclear(self, request: HttpRequest, queryset: QuerySet[BotMark]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        with transaction.atomic():
            changed = unclear_bots(customer_ids=ids)
            transaction.on_commit(lambda: refresh_some_profiles.delay(ids))
        self.message_user(request, _said(changed))


def _said(changed: int) -> str:
    sentence = ngettext(
        "%(count)d customer changed. Profiles follow within a minute.",
        "%(count)d customers changed. Profiles follow within a minute.",
        changed,
    )
    return sentence % {"count": changed}
