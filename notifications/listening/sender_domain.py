"""Whether the sender's domain proves that mails are from it: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489)."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import dns.exception
import dns.resolver
from django.utils.translation import gettext as _

LIFETIME = 4.0  # seconds for one question


class Verdict(StrEnum):
    """How a check ended; `away` says that the name server did not answer."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Check:
    """One check with its record, and what to do where it is not good."""

    name: str
    verdict: Verdict
    record: str
    advice: str


class NoAnswerError(Exception):
    """The name server could not be asked."""


@cache
def _system_resolver() -> dns.resolver.Resolver:
    return dns.resolver.Resolver()


def check_sender(
    *, domain: str, selectors: tuple[str, ...], resolver: dns.resolver.Resolver | None = None
) -> list[Check]:
    """SPF and DMARC of `domain`, and a DKIM key under each of `selectors`."""
    ask = resolver or _system_resolver()
    checks = [(_spf, "SPF", domain)]
    found = [_guard(check, name, target, ask) for check, name, target in checks]
    found += [_guard(_dkim, "DKIM", f"{selector}._domainkey.{domain}", ask) for selector in selectors]
    if not selectors:
        advice = _("No selector is known. Set DKIM_SELECTORS to the names under which the keys are published.")
        found.append(Check("DKIM", Verdict.WARNING, "", advice))
    return [*found, _guard(_dmarc, "DMARC", domain, ask)]


def _guard(check: Any, name: str, target: str, resolver: dns.resolver.Resolver) -> Check:
    try:
        result: Check = check(target, resolver)
    except NoAnswerError as error:
        return Check(name, Verdict.AWAY, "", _("The name server did not answer: %(error)s") % {"error": error})
    return result


def _spf(domain: str, resolver: dns.resolver.Resolver) -> Check:
    records = [text for text in _texts(domain, resolver) if text.lower().split(" ")[0] == "v=spf1"]
    if not records:
        advice = _("Publish a TXT record at %(domain)s that names the servers that send for you.") % {"domain": domain}
        return Check("SPF", Verdict.BAD, "", advice)
    if len(records) > 1:
        return Check("SPF", Verdict.BAD, " ".join(records), _("There are several records; receivers refuse that."))
    terms = records[0].lower().split()
    if "+all" in terms or "all" in terms:
        return Check(
            "SPF", Verdict.BAD, records[0], _("“+all” lets anybody send for you; end it with “~all” or “-all”.")
        )
    ends = terms[-1] in ("~all", "-all") or terms[-1].startswith("redirect=")
    advice = "" if ends else _("It does not end with “~all” or “-all”, so it says nothing of other servers.")
    return Check("SPF", Verdict.GOOD if ends else Verdict.WARNING, records[0], advice)


def _dkim(name: str, resolver: dns.resolver.Resolver) -> Check:
    for text in _texts(name, resolver):
        tags = _tags(text)
        if "p" in tags:
            if tags["p"]:
                return Check("DKIM", Verdict.GOOD, f"{name}: {text}", "")
            return Check("DKIM", Verdict.BAD, f"{name}: {text}", _("This key was withdrawn: its record is empty."))
    advice = _("Publish the public key as a TXT record at %(name)s.") % {"name": name}
    return Check("DKIM", Verdict.BAD, "", advice)


def _dmarc(domain: str, resolver: dns.resolver.Resolver) -> Check:
    """At the domain, else at the ones above it down to two labels."""
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):
        name = f"_dmarc.{'.'.join(labels[start:])}"
        for text in _texts(name, resolver):
            tags = _tags(text)
            if tags.get("v", "").upper() == "DMARC1":
                if tags.get("p", "").lower() in ("quarantine", "reject"):
                    return Check("DMARC", Verdict.GOOD, text, "")
                advice = _("It only watches (p=none). Once the reports look right, go on to p=quarantine.")
                return Check("DMARC", Verdict.WARNING, text, advice)
    advice = _("Publish a TXT record at _dmarc.%(domain)s, to begin with “v=DMARC1; p=none”.") % {"domain": domain}
    return Check("DMARC", Verdict.BAD, "", advice)


def _tags(text: str) -> dict[str, str]:
    """`tag=value` pairs between semicolons."""
    pairs = (pair.partition("=") for pair in text.split(";"))
    return {name.strip().lower(): "".join(value.split()) for name, _sign, value in pairs if name.strip()}


def _texts(name: str, resolver: dns.resolver.Resolver) -> list[str]:
    """The TXT records at `name`, each as one text. Raises NoAnswerError when the name server cannot be asked."""
    try:
        answer = resolver.resolve(name, "TXT", lifetime=LIFETIME, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return []
    except dns.exception.DNSException as error:
        raise NoAnswerError(str(error) or type(error).__name__) from error
    return [b"".join(row.strings).decode("utf-8", "replace") for row in answer.rrset or ()]
