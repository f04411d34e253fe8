"""Personal data as it is shown by default: enough to recognise, not enough to use."""

HIDDEN = "•••"


def mask_text(text: str) -> str:
    """The first letter."""
    return f"{text[0]}{HIDDEN}" if text else ""


def mask_email(address: str) -> str:
    """The first letter of both sides, and the top-level domain: `a•••@e•••.com`."""
    name, at, domain = address.rpartition("@")
    if not at:
        return mask_text(address)
    _host, dot, top = domain.rpartition(".")
    return f"{mask_text(name)}@{mask_text(domain)}{dot}{top if dot else ''}"


def mask_phone(number: str) -> str:
    """The last two digits."""
    return f"{HIDDEN} {number[-2:]}" if len(number) > 4 else HIDDEN if number else ""
