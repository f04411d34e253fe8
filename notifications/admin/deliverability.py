"""Deliverability: does the sender's domain prove itself, how do the mailboxes take our mail, how fast may it grow."""

from datetime import date, timedelta
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from catalog.big_tables import ReadOnlyBigTableAdmin
from notifications.delivery.breaker import resting
from notifications.delivery.throttle import rate_of
from notifications.listening.domains import (
    BOUNCES_BAD,
    BOUNCES_GOOD,
    COMPLAINTS_BAD,
    COMPLAINTS_GOOD,
    DomainHealth,
    domain_health,
    domain_of,
    level,
    sent_by_day,
)
from notifications.listening.sender_domain import Check, check_sender
from notifications.listening.warm_up import warm_up
from notifications.models import DomainDay, Feedback
from users.choices import Channel

DAYS = 30
REMEMBERED = 300  # seconds that the answers of name servers are shown


@admin.register(DomainDay)
class DomainDayAdmin(ReadOnlyBigTableAdmin):
    """Its list is a page of its own."""

    list_display = ("day", "domain", "sent")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        domain = domain_of(parseaddr(settings.DEFAULT_FROM_EMAIL)[1])
        domains, days = domain_health(days=DAYS), sent_by_day(days=DAYS)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Deliverability"),
            "domain": domain,
            "checks": _checks(domain),
            "days": DAYS,
            "cards": _cards(domains, days),
            "rows": _rows(domains),
            "bars": _bars(days),
            "warm_up": warm_up([sent for _day, sent in days]),
        }
        return TemplateResponse(request, "notifications/admin/deliverability.html", context)


def _checks(domain: str) -> list[Check]:
    """The checks, asked anew every few minutes, because name servers may be slow."""
    key = f"deliverability.{domain}.{','.join(settings.DKIM_SELECTORS)}.{_('Deliverability')}"
    checks: list[Check] | None = cache.get(key)
    if checks is None:
        checks = check_sender(domain=domain, selectors=tuple(settings.DKIM_SELECTORS))
        cache.set(key, checks, REMEMBERED)
    return checks


def _cards(domains: list[DomainHealth], days: list[tuple[date, int]]) -> list[dict[str, str]]:
    whole = DomainHealth(
        "",
        sum(sent for _day, sent in days),
        sum(each.hard_bounces for each in domains),
        sum(each.soft_bounces for each in domains),
        sum(each.complaints for each in domains),
    )
    return [
        {"label": _("Mails sent"), "figure": f"{whole.sent:,}", "note": "", "level": ""},
        {
            "label": _("Hard bounces"),
            "figure": _percent(whole.bounce_rate),
            "note": _("keep below %(limit)s") % {"limit": "2%"},
            "level": level(whole.bounce_rate, good=BOUNCES_GOOD, bad=BOUNCES_BAD),
        },
        {
            "label": _("Complaints"),
            "figure": _percent(whole.complaint_rate),
            "note": _("Gmail and Yahoo: below 0.1%, never 0.3%"),
            "level": level(whole.complaint_rate, good=COMPLAINTS_GOOD, bad=COMPLAINTS_BAD),
        },
    ]


def _rows(domains: list[DomainHealth]) -> list[dict[str, Any]]:
    """The domains with what came back, and which of them rest or are limited now."""
    names = {f"{Channel.EMAIL}:{each.domain}": each.domain for each in domains}
    rests = {names[name]: seconds for name, seconds in resting(names).items()}
    return [_row(each, rests.get(each.domain, 0.0)) for each in domains]


def _row(health: DomainHealth, rests: float) -> dict[str, Any]:
    return {
        "domain": health.domain,
        "rests": timedelta(seconds=round(rests)) if rests else None,
        "limit": rate_of(health.domain),
        "sent": health.sent,
        "per_day": health.sent / DAYS,
        "hard": health.hard_bounces,
        "soft": health.soft_bounces,
        "complaints": health.complaints,
        "bounce_rate": _percent(health.bounce_rate),
        "bounce_level": level(health.bounce_rate, good=BOUNCES_GOOD, bad=BOUNCES_BAD),
        "complaint_rate": _percent(health.complaint_rate),
        "complaint_level": level(health.complaint_rate, good=COMPLAINTS_GOOD, bad=COMPLAINTS_BAD),
    }


def _percent(rate: float | None) -> str:
    return "—" if rate is None else f"{rate:.2%}"


def _bars(days: list[tuple[date, int]]) -> list[dict[str, Any]]:
    """Mails a day with their height in percent of the busiest; none while there are no mails."""
    most = max(sent for _day, sent in days)
    style = pgettext("date format", "M d")
    return [{"label": date_format(day, style), "sent": sent, "share": 100 * sent / most} for day, sent in days if most]


@admin.register(Feedback)
class FeedbackAdmin(ReadOnlyBigTableAdmin):
    list_display = ("kind", "domain", "status", "customer", "source", "occurred_at")
    list_select_related = ("customer",)
    list_filter = ("kind", "source")
    search_fields = ("domain",)
    search_help_text = gettext_lazy("A domain")
    ordering = ("-occurred_at",)
    fields = (("kind", "domain"), ("status", "source"), ("customer", "occurred_at"), "detail")
