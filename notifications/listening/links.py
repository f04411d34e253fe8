"""Click links: where they lead is stored here, so a link can lead nowhere else."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.db import connection, transaction
from django.utils import timezone
from django.utils.text import slugify

from catalog.models import Item
from notifications.listening.tokens import BadTokenError, read_click
from notifications.models import Click, Link, Message
from users.choices import EventType
from users.ingestion import EventInput, ingest_events

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


def record_click(*, token: str, user_agent: str) -> str:
    """Record a click and return where it leads. Raises BadTokenError for a link that is not ours.

    The first click per message and link becomes an event of the customer; the event's id makes the others count once.
    """
    message_id, link_id = read_click(token)
    message = Message.objects.select_related("customer", "run__campaign").filter(pk=message_id).first()
    link = Link.objects.filter(pk=link_id).first()
    if message is None or link is None or link.run_id != message.run_id:
        raise BadTokenError("This link leads nowhere any more.")
    if message.customer.erased_at is not None:
        return destination(message, link)
    with transaction.atomic():
        now = timezone.now()
        Click.objects.create(message=message, link=link, clicked_at=now, user_agent=user_agent[:255])
        Message.objects.filter(pk=message.pk, first_clicked_at=None).update(first_clicked_at=now)
    _ingest_click(message, link)
    return destination(message, link)


def _ingest_click(message: Message, link: Link) -> None:
    if message.customer.external_id is None:
        return
    item = Item.objects.filter(pk=link.item_id or 0).values_list("external_id", flat=True).first()
    event = EventInput(
        message_id=f"click-{message.pk}-{link.pk}",
        type=EventType.CLICK.code,
        occurred_at=timezone.now(),
        customer_id=message.customer.external_id,
        item_id=item,
        context={"campaign": message.run.campaign_id, "message": message.pk, "channel": message.channel},
    )
    ingest_events(events=[event], source="click")


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
