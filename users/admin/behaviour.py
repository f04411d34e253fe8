"""What customers did: the explorer of events, and orders."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from catalog.big_tables import ReadOnlyBigTableAdmin
from catalog.models import Item
from users.admin.charts import Chart, stacked_bars
from users.behaviour.stream import DailyCounts, EventFilter, Position, daily_counts, event_page
from users.choices import EventType
from users.encryption import lookup_hash
from users.ingestion.cleaning import accept_events, mend_id
from users.ingestion.validate import message_key
from users.models import Customer, Event, EventKey, Order
from users.tasks import refresh_some_profiles

CHART_DAYS = 30
LONGEST_CHART = 366
_NOBODY = -1  # an id that no row has


class EventFilterForm(forms.Form):
    q = forms.CharField(label=gettext_lazy("Customer"), required=False)
    item = forms.CharField(label=gettext_lazy("Item"), required=False)
    type = forms.TypedChoiceField(
        label=gettext_lazy("Type"),
        required=False,
        coerce=int,
        choices=[("", gettext_lazy("All types")), *EventType.choices],
        widget=UnfoldAdminSelectWidget,
    )
    since = forms.DateField(label=gettext_lazy("From"), required=False)
    until = forms.DateField(label=gettext_lazy("To"), required=False)
    message = forms.CharField(label=gettext_lazy("Message id"), required=False)
    suspect = forms.BooleanField(label=gettext_lazy("Only suspect"), required=False, widget=UnfoldBooleanWidget)

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        for name, hint in (("q", _("shop's id or e-mail")), ("item", _("shop's id")), ("message", "")):
            self.fields[name].widget = UnfoldAdminTextInputWidget(attrs={"placeholder": hint, "autocomplete": "off"})
        for name in ("since", "until"):
            self.fields[name].widget = UnfoldAdminTextInputWidget(attrs={"type": "date"})

    def chosen(self) -> EventFilter:
        """The filter; what names nobody finds nothing."""
        data = self.cleaned_data if self.is_valid() else {}
        found = EventFilter(
            types=(data["type"],) if data.get("type") else (),
            customer_id=_customer_id(data["q"]) if data.get("q") else None,
            item_id=_item_id(data["item"]) if data.get("item") else None,
            since=_midnight(data.get("since")),
            until=_midnight(data["until"] + timedelta(days=1)) if data.get("until") else None,
            only_suspect=bool(data.get("suspect")),
        )
        return _with_message(found, data["message"].strip()) if data.get("message") else found


def _customer_id(term: str) -> int:
    term = mend_id(term)
    name = {"email_hash": lookup_hash(term)} if "@" in term else {"external_id": term}
    customer = Customer.objects.filter(**name).first() or Customer.objects.filter(anonymous_id=term).first()
    return (customer.merged_into_id or customer.pk) if customer else _NOBODY


def _item_id(term: str) -> int:
    return Item.objects.filter(external_id=mend_id(term)).values_list("pk", flat=True).first() or _NOBODY


def _midnight(day: Any) -> datetime | None:
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone()) if day else None


def _with_message(chosen: EventFilter, message_id: str) -> EventFilter:
    """Find the message's time in the ledger, so that only its moment is searched."""
    key = message_key(message_id)
    known = EventKey.objects.filter(pk=key).first()
    at = known.occurred_at if known else datetime(1970, 1, 1, tzinfo=UTC)
    return replace(chosen, message_key=key, since=at, until=at + timedelta(microseconds=1))


@admin.register(Event)
class EventAdmin(ReadOnlyBigTableAdmin):
    """Its list is a page of its own, because it must not be counted, sorted or paged by number."""

    list_display = ("occurred_at", "type", "customer", "item", "quantity", "price")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._accept(request)
        form = EventFilterForm(request.GET)
        chosen = form.chosen()
        before, after = (_position(request.GET.get(name)) for name in ("before", "after"))
        page = event_page(chosen, before=before, after=after)
        newest, oldest = (page.events[0], page.events[-1]) if page.events else (None, None)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Events"),
            "form": form,
            "is_filtered": any(request.GET.values()),
            "page": page,
            "older": _link(request, before=oldest) if oldest and page.has_older else "",
            "newer": _link(request, after=newest) if newest and page.has_newer else "",
            "has_suspects": any((event.suspect or 0) > 0 for event in page.events),
            "may_accept": request.user.has_perm("users.change_event"),
            **_chart_context(chosen),
        }
        return TemplateResponse(request, "users/admin/events.html", context)

    def _accept(self, request: HttpRequest) -> HttpResponse:
        """Suspect lines that staff found to be right count from now on."""
        if not request.user.has_perm("users.change_event"):
            raise PermissionDenied
        pairs = [pair.partition("-") for pair in request.POST.getlist("event")]
        ids = [
            (int(customer), int(event))
            for customer, _dash, event in pairs
            if customer.isdecimal() and event.isdecimal()
        ]
        with transaction.atomic():
            touched = accept_events(customer_ids=[pair[0] for pair in ids], event_ids=[pair[1] for pair in ids])
            transaction.on_commit(lambda: refresh_some_profiles.delay(touched))
        sentence = ngettext(
            "The events of %(count)d customer count from now on.",
            "The events of %(count)d customers count from now on.",
            len(touched),
        )
        messages.success(request, sentence % {"count": len(touched)})
        return redirect(request.get_full_path())


def _position(text: str | None) -> Position | None:
    at, _separator, number = (text or "").partition("_")
    try:
        return Position(datetime.fromisoformat(at), int(number)) if at else None
    except ValueError:
        return None


def _link(request: HttpRequest, **places: Event) -> str:
    """The same filter at another place of the stream."""
    query = QueryDict(mutable=True)
    query.update({name: str(value) for name, value in request.GET.items() if value and name not in ("before", "after")})
    query.update({name: f"{event.occurred_at.isoformat()}_{event.pk}" for name, event in places.items()})
    return f"?{query.urlencode()}"


def _chart_context(chosen: EventFilter) -> dict[str, Any]:
    until = chosen.until or timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    since = chosen.since or until - timedelta(days=CHART_DAYS)
    if chosen.message_key or not timedelta(0) < until - since <= timedelta(days=LONGEST_CHART):
        return {}
    zone = timezone.get_current_timezone()
    counts = daily_counts(chosen, since=since.astimezone(zone), until=until, zone=timezone.get_current_timezone_name())
    return {"chart": _chart(counts), "is_estimate": counts.is_estimate}


def _chart(counts: DailyCounts) -> Chart | None:
    if not counts.by_type:
        return None
    day = pgettext("date format", "M d")
    labels = dict(EventType.choices)
    series = [(str(labels.get(kind, kind)), values) for kind, values in counts.by_type.items()]
    return stacked_bars([date_format(each, day) for each in counts.days], series)


@admin.register(Order)
class OrderAdmin(ReadOnlyBigTableAdmin):
    list_display = ("external_id", "customer", "placed_at", "status", "amount", "discount", "coupon_code")
    list_select_related = ("customer",)
    list_filter = ("status",)
    search_fields = ("=external_id",)
    search_help_text = gettext_lazy("The shop's id of an order")
    ordering = ("-placed_at",)

    @admin.display(description=gettext_lazy("total"), ordering="total")
    def amount(self, order: Order) -> str:
        return f"{order.total} {order.currency}"
