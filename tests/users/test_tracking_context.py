"""What is kept of a message's context, and which time it gets."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.users.tracking import sender, track
from users.api.segment_io.context import kept_context
from users.api.segment_io.envelope import corrected_time
from users.models import Event

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari"
PIXEL = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36"
GALAXY_TAB = "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 Chrome/131.0 Safari/537.36"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize(
    ("context", "device"),
    [
        ({"userAgent": IPHONE}, "mobile"),
        ({"userAgent": PIXEL}, "mobile"),
        ({"userAgent": GALAXY_TAB}, "tablet"),
        ({"userAgent": WINDOWS}, "desktop"),
        ({"userAgent": GOOGLEBOT}, "bot"),
        ({"userAgent": "Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) AppleWebKit/537.36"}, "tv"),
        ({"device": {"type": "ios", "id": "secret"}}, "mobile"),
        ({"device": {"type": "browser"}, "userAgent": IPHONE}, "mobile"),
        ({"userAgent": "curl/8.0"}, None),
        ({"userAgent": 5, "device": "phone"}, None),
        ({}, None),
    ],
)
def test_the_user_agent_becomes_a_device_class(context, device):
    assert kept_context(context).get("device") == device


def test_only_the_coarse_part_of_a_context_is_stored(db):
    context = {
        "ip": "192.0.2.7",
        "userAgent": IPHONE,
        "locale": "pt_BR",
        "timezone": "America/Sao_Paulo",
        "campaign": {"source": "mail", "name": "x" * 500, "gclid": "secret"},
        "screen": {"width": 1},
        "traits": {"email": "a@example.com"},
        "library": {"name": "analytics.js"},
        "network": {"carrier": "secret"},
    }
    sender()("track", {**track("Product Viewed", product_id="p1", sku="s1", variant="blue"), "context": context})
    assert Event.objects.get().context == {
        "device": "mobile",
        "locale": "pt-br",
        "timezone": "America/Sao_Paulo",
        "sku": "s1",
        "variant": "blue",
        "campaign": {"source": "mail", "name": "x" * 100},
    }


NONSENSE = {"locale": "<script>", "timezone": "Mars/Olympus", "campaign": "mail"}


@pytest.mark.parametrize("context", [NONSENSE, {"locale": 5}])
def test_nonsense_in_a_context_is_left_out(context):
    assert kept_context(context) == {}


def test_addresses_are_kept_without_their_query(db):
    address = "https://shop.example/reset?token=secret&email=a@example.com#top"
    page = {"userId": "u1", "messageId": "m1", "properties": {"url": address, "referrer": address, "path": "/reset"}}
    sender()("page", page)
    bare = "https://shop.example/reset"
    assert Event.objects.get().context == {"url": bare, "referrer": bare, "path": "/reset"}


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("stamped", "sent_at", "expected"),
    [
        (None, None, NOW),
        (NOW - HOUR, None, NOW - HOUR),
        (NOW - HOUR, NOW, NOW - HOUR),
        (NOW + 2 * HOUR, NOW + 3 * HOUR, NOW - HOUR),  # a clock three hours fast
        (
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(1970, 1, 1, 1, tzinfo=UTC),
            NOW - HOUR,
        ),  # one never set
        (NOW - HOUR, datetime(1970, 1, 1, tzinfo=UTC), NOW - HOUR),  # only sentAt is nonsense
        (NOW - HOUR, datetime(9999, 1, 1, tzinfo=UTC), NOW - HOUR),
        (datetime(9999, 12, 31, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)),
    ],
)
def test_the_sender_s_clock_is_corrected_where_that_makes_sense(stamped, sent_at, expected):
    assert corrected_time(stamped, sent_at=sent_at, received_at=NOW) == expected
