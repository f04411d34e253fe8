"""Why an item is recommended, as a sentence that the customer's own history proves."""

from typing import Protocol

from django.utils.translation import gettext as _


class Titled(Protocol):
    """An item, or what is known of one."""

    @property
    def pk(self) -> int: ...

    @property
    def title(self) -> str: ...


def reason_sentence(*, item: Titled, because_of: Titled | None, was_bought: bool) -> str:
    """A sentence in the active language; empty without a reason. `was_bought`: the customer bought `because_of`."""
    if because_of is None:
        return ""
    if because_of.pk == item.pk:
        return _("You bought this before") if was_bought else _("You looked at this")
    if was_bought:
        return _("Because you bought %(item)s") % {"item": because_of.title}
    return _("Because you looked at %(item)s") % {"item": because_of.title}
