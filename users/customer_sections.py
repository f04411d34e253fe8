"""Parts of a customer's page that other apps bring: they register here, because this app does not know them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from users.models import Customer

SectionContext = Callable[[Customer], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class CustomerSection:
    """A panel with a title; `context` makes what its template shows, in a fixed number of queries."""

    title: str | Promise
    template: str
    context: SectionContext


_sections: dict[str, CustomerSection] = {}


def customer_section(*, title: str | Promise, template: str) -> Callable[[SectionContext], SectionContext]:
    """Show the decorated function's result by `template` on every customer's page."""

    def decorate(context: SectionContext) -> SectionContext:
        _sections[template] = CustomerSection(title, template, context)
        return context

    return decorate


def customer_sections(customer: Customer) -> list[dict[str, Any]]:
    """Title, template and context of every registered section for this customer."""
    return [
        {"title": section.title, "template": section.template, **section.context(customer)}
        for section in _sections.values()
    ]
