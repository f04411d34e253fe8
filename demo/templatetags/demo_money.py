from decimal import Decimal

from django import template

from notifications.offers.money import format_money

register = template.Library()


@register.filter
def money(amount: Decimal, currency: str) -> str:
    """`amount` as the reader's language writes it, e.g. £2.55."""
    return format_money(amount, currency)
