"""Which mailboxes a batch may be handed to now, and what their answers say of them and of the channel."""

from collections import Counter
from collections.abc import Collection, Iterable

from django.utils.translation import gettext as _

from notifications.channels.base import (
    DeliveryError,
    MailboxError,
    OutcomeUnknownError,
    ThrottledError,
    TransientError,
)
from notifications.delivery.breaker import CHANNEL, DOMAIN, GIVE_UP, LOST, fail, failing_for, resting, succeed
from notifications.delivery.throttle import Grant, rate_of, take

DOMAINS_IN_A_ROW = 10  # so many domains cannot all be down: it is our own server that refuses


class DomainGivenUpError(TransientError):
    """The domain has taken nothing for so long that it is not waited for any more."""


class Gate:
    """The domains of one batch. `channel_rests` is for how many seconds nothing more may be handed over."""

    def __init__(self, channel: str) -> None:
        self.channel_rests = 0.0
        self._channel = channel
        self._resting: dict[str, float] = {}
        self._grants: dict[str, Grant] = {}
        self._waiting: Counter[str] = Counter()
        self._succeeded: set[str] = set()
        self._refused: set[str] = set()

    def open(self, domains: Collection[str]) -> None:
        """Ask what the domains of the batch may get now; `domains` has one entry a message."""
        wanted = Counter(domain for domain in domains if domain)
        names = {self._name(domain): domain for domain in wanted}
        self._resting = {names[name]: seconds for name, seconds in resting(names).items()}
        limited = (domain for domain in wanted if domain not in self._resting and rate_of(domain))
        self._grants = {domain: take(domain, wanted[domain]) for domain in limited}

    def admit(self, domain: str) -> float:
        """0 where a message to `domain` may go out now, else after how many seconds it may.

        Raises DomainGivenUpError where nobody waits for the domain any more.
        """
        if rest := self._resting.get(domain, 0.0):
            if failing_for(self._name(domain)) > GIVE_UP:
                raise DomainGivenUpError(_("%(domain)s has taken no mail for a day.") % {"domain": domain})
            return rest
        grant = self._grants.get(domain)
        if grant is None:
            return 0.0
        self._waiting[domain] += 1
        beyond = self._waiting[domain] - grant.granted - 1
        return 0.0 if beyond < 0 else grant.wait + beyond * grant.each

    def hear(self, domain: str, error: DeliveryError | None) -> None:
        """What a receiver answered."""
        if isinstance(error, ThrottledError | OutcomeUnknownError):
            self._forget([self._channel])
        if isinstance(error, ThrottledError):
            self._rest(fail(self._channel, CHANNEL, retry_after=error.retry_after or 0.0))
        elif isinstance(error, OutcomeUnknownError):
            self._rest(fail(self._channel, LOST))
        elif isinstance(error, TransientError) and not isinstance(error, MailboxError) and domain:
            self._refuse(domain)
        elif error is None:
            self._refused.clear()
            self._succeeded |= {self._channel, self._name(domain)} if domain else {self._channel}

    def close(self) -> None:
        """Remember who took something."""
        self._forget(list(self._succeeded))

    def _refuse(self, domain: str) -> None:
        name = self._name(domain)
        self._forget([name])
        if rest := fail(name, DOMAIN):
            self._resting[domain] = rest
        self._refused.add(domain)
        if len(self._refused) >= DOMAINS_IN_A_ROW:
            self._rest(fail(self._channel, CHANNEL))

    def _rest(self, seconds: float) -> None:
        self.channel_rests = max(self.channel_rests, seconds)

    def _forget(self, names: Iterable[str]) -> None:
        """End the rows of failures that a success came after."""
        ended = [name for name in names if name in self._succeeded]
        succeed(ended)
        self._succeeded.difference_update(ended)

    def _name(self, domain: str) -> str:
        return f"{self._channel}:{domain}"
