"""Whether a person opened or clicked, or a machine that looks at mail before a person does.

Nobody can tell for certain; each sign below was chosen because people do not show it. What a machine does counts as
such: it opens no conversation with the customer, earns no order, and unsubscribes nobody.
"""

import re
from datetime import datetime, timedelta

# Link scanners of mail gateways, crawlers and libraries name themselves.
_AGENTS = re.compile(
    r"bot\b|crawl|spider|slurp|scan|preview|headless|phantom|proofpoint|mimecast|barracuda|symantec|trend ?micro|sophos"
    r"|fireeye|cloudmark|safelinks|microsoft office|ms-office|urldefense|virustotal|curl/|wget/|python|java/|okhttp"
    r"|go-http-client|libwww|httpclient|apache-|axios|node-fetch|guzzle|facebookexternalhit|whatsapp|slack|twitter",
    re.IGNORECASE,
)
# Apple's Mail Privacy Protection fetches pictures when the mail arrives, under an agent that no browser has.
_APPLE_PREFETCH = "Mozilla/5.0"

# Within so short a time after sending, a gateway is looking; a person has not even been notified.
EARLY_CLICK = timedelta(seconds=1)
EARLY_OPEN = timedelta(seconds=1)
# Nobody follows so many different links of one message in so short a time.
BURST_LINKS = 3
BURST = timedelta(seconds=10)


def click_machine(*, method: str, user_agent: str, sent_at: datetime | None, now: datetime) -> str:
    """The sign by which a click is a machine's, or nothing."""
    if method == "HEAD":
        return "head"
    if not user_agent.strip() or _AGENTS.search(user_agent):
        return "agent"
    return "early" if sent_at is not None and now - sent_at < EARLY_CLICK else ""


def open_machine(*, user_agent: str, sent_at: datetime | None, now: datetime) -> str:
    """The sign by which an open is a machine's, or nothing. Gmail's and Yahoo's proxies fetch when a person opens."""
    agent = user_agent.strip()
    if agent == _APPLE_PREFETCH:
        return "prefetch"
    if not agent or _AGENTS.search(agent):
        return "agent"
    return "early" if sent_at is not None and now - sent_at < EARLY_OPEN else ""
