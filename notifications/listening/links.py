"""Click links: where they lead is stored here, so a link can lead nowhere else."""

from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.db import connection, transaction
from django.db.models import Min, Q
from django.utils import timezone
from django.utils.text import slugify

from catalog.models import Item
from notifications.listening.events import ingest_message_event
from notifications.listening.machines import BURST, BURST_LINKS, click_machine
from notifications.listening.tokens import BadTokenError, read_click
from notifications.models import Click, Link, Message
from users.choices import EventType
from users.ingestion import withdraw_events

_STORE = """
INSERT INTO notifications_link (run_id, url, item_id)
SELECT %(run)s, new.url, new.item_id FROM unnest(%(urls)s::varchar[], %(items)s::bigint[]) AS new (url, item_id)
ON CONFLICT (run_id, url) DO NOTHING
"""


def store_links(*, run_id: int, destinations: dict[str, int | None]) -> dict[str, int]:
    """Link id by destination, made where it was missing; `destinations` maps each to the item it shows, if any."""
    with connection.cursor() as cursor:
        cursor.execute(_STORE, {"run": run_id, "urls": list(destinations), "items": list(destinations.values())})
    return dict(Link.objects.filter(run_id=run_id, url__in=destinations).values_list("url", "pk"))


def record_click(*, token: str, user_agent: str, method: str = "GET") -> str:
    """Record a click and return where it leads. Raises BadTokenError for a link that is not ours.

    A person's first click per message and link becomes an event of the customer; the event's id makes the others count
    once. A machine's click is kept as such and changes nothing else.
    """
    message_id, link_id = read_click(token)
    message = Message.objects.select_related("customer__merged_into", "run__campaign").filter(pk=message_id).first()
    link = Link.objects.filter(pk=link_id).first()
    if message is None or link is None or link.run_id != message.run_id:
        raise BadTokenError("This link leads nowhere any more.")
    if message.customer.erased_at is not None:
        return destination(message, link)
    now = timezone.now()
    machine = click_machine(method=method, user_agent=user_agent, sent_at=message.sent_at, now=now)
    with transaction.atomic():
        Message.objects.select_for_update().get(pk=message.pk)  # the links of a burst are judged one after the other
        Click.objects.create(message=message, link=link, clicked_at=now, user_agent=user_agent[:255], machine=machine)
        if not machine and _is_burst(message, now):
            machine = "burst"
            _take_back(message, now)
        if not machine:
            Message.objects.filter(pk=message.pk, first_clicked_at=None).update(first_clicked_at=now)
    if not machine:
        item = Item.objects.filter(pk=link.item_id or 0).values_list("external_id", flat=True).first()
        ingest_message_event(
            message, EventType.CLICK, message_id=_event_id(message.pk, link.pk), occurred_at=now, item_id=item
        )
    return destination(message, link)


def _is_burst(message: Message, now: datetime) -> bool:
    recent = Click.objects.filter(Q(machine="") | Q(machine="burst"), message=message, clicked_at__gte=now - BURST)
    return recent.values("link").distinct().count() >= BURST_LINKS


def _take_back(message: Message, now: datetime) -> None:
    """The clicks of the burst were taken for a person's while they were few: they are a machine's after all."""
    burst = Click.objects.filter(message=message, machine="", clicked_at__gte=now - BURST)
    links = set(burst.values_list("link", flat=True))
    burst.update(machine="burst")
    people = Click.objects.filter(message=message, machine="")
    Message.objects.filter(pk=message.pk).update(first_clicked_at=people.aggregate(first=Min("clicked_at"))["first"])
    wrong = links - set(people.values_list("link", flat=True))
    withdraw_events(message_ids=[_event_id(message.pk, link) for link in wrong], since=now - BURST)


def _event_id(message_id: int, link_id: int) -> str:
    return f"click-{message_id}-{link_id}"


def destination(message: Message, link: Link) -> str:
    """The link's address with the parameters by which the shop's own analytics tells campaigns apart."""
    campaign = message.run.campaign
    parts = urlsplit(link.url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) | {
        "utm_source": "apropos",
        "utm_medium": message.channel,
        "utm_campaign": slugify(campaign.name) or f"campaign-{campaign.pk}",
    }
    return urlunsplit(parts._replace(query=urlencode(query)))
