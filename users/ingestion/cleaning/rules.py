"""Every reason under which rows are counted: what it means, what Apropos does about it, and what the shop can do.

The names are stable: files of errors, the API and the counters use them.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from users.choices import RuleAction

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Rule:
    """`reason` is the stable name; `title`, `meaning` and `advice` are for people, in their language."""

    reason: str
    action: RuleAction
    title: Text
    meaning: Text
    advice: Text = ""


_DROPPED, _CORRECTED = RuleAction.DROPPED, RuleAction.CORRECTED
_MARKED, _REPEATED = RuleAction.MARKED, RuleAction.REPEATED

_TIME_ADVICE = _("Check the clock and the time zone of the system that sends them.")
_REPEAT_ADVICE = _("Nothing to do: retries are meant to be harmless. A steady flood means a client that never stops.")

_RULES = (
    Rule("duplicate", _REPEATED, _("Repeated event"), _("This message id was counted before."), _REPEAT_ADVICE),
    Rule("duplicate_order", _REPEATED, _("Repeated order"), _("This order is known and unchanged."), _REPEAT_ADVICE),
    Rule(
        "duplicate_customer",
        _REPEATED,
        _("Customer twice in one batch"),
        _("The last description in the batch holds."),
    ),
    Rule("duplicate_item", _REPEATED, _("Item twice in one batch"), _("The last description in the batch holds.")),
    Rule("in_the_future", _DROPPED, _("Time in the future"), _("More than a day ahead of our clock."), _TIME_ADVICE),
    Rule(
        "too_old", _DROPPED, _("Impossible time"), _("Before 1990: usually an empty date read as 1970."), _TIME_ADVICE
    ),
    Rule(
        "before_shop_opened",
        _DROPPED,
        _("Before the shop opened"),
        _("The setting SHOP_OPENED says when the first day was."),
        _TIME_ADVICE,
    ),
    Rule(
        "unknown_type",
        _DROPPED,
        _("Unknown type of event"),
        _("Only the types that the documentation lists can be counted."),
        _("Send it as “custom”, or map it to a type."),
    ),
    Rule(
        "unknown_field",
        _DROPPED,
        _("Unknown field"),
        _("The row names a field that does not exist, so it may not say what its sender thinks."),
        _("Correct the name; put the rest into attributes or context."),
    ),
    Rule("bad_row", _DROPPED, _("Not a row"), _("An object with fields was expected.")),
    Rule("bad_message", _DROPPED, _("Message that makes no sense"), _("The tracking client sent no usable message.")),
    Rule("unknown_call", _DROPPED, _("Unknown call"), _("The tracking client used a call that does not exist.")),
    Rule("erased", _DROPPED, _("Erased customer"), _("What is sent late of somebody who was erased stays out.")),
    Rule("missing_lines", _DROPPED, _("Order without lines"), _("An order needs at least one line.")),
    Rule("no_customer", _DROPPED, _("No customer"), _("The line does not say who bought.")),
    Rule("stock_write_off", _DROPPED, _("Stock written off"), _("A negative quantity without a customer is no sale.")),
    Rule("not_a_product", _DROPPED, _("Not a product"), _("Postage, fees, samples and corrections are no products.")),
    Rule("zero_price", _DROPPED, _("No price"), _("A line at zero or below says nothing of what a customer pays.")),
    Rule("zero_quantity", _DROPPED, _("No quantity"), _("A line of zero pieces is no sale.")),
    Rule("trimmed", _CORRECTED, _("Stray blanks"), _("Blanks and invisible characters around a value were taken off.")),
    Rule(
        "full_width",
        _CORRECTED,
        _("Full-width characters"),
        _("Full-width letters and digits became plain ones, so that the same id is the same id."),
    ),
    Rule(
        "mojibake",
        _CORRECTED,
        _("Garbled letters"),
        _("UTF-8 that was read as Latin-1 (“CafÃ©”) was read again (“Café”)."),
        _("Export as UTF-8, and say so where the file is read."),
    ),
    Rule(
        "currency_code",
        _CORRECTED,
        _("Currency by sign or in small letters"),
        _("“€” and “eur” became “EUR”."),
        _("Send ISO 4217 codes."),
    ),
    Rule(
        "country_name",
        _CORRECTED,
        _("Country by name"),
        _("“Germany”, “DEU” and “德国” became “DE”."),
        _("Send ISO 3166-1 codes."),
    ),
    Rule("language_tag", _CORRECTED, _("Language tag"), _("“en_US.UTF-8” became “en-us”."), _("Send BCP 47 tags.")),
    Rule(
        "negative_quantity",
        _CORRECTED,
        _("Return sent as a negative purchase"),
        _("It became a refund of the positive quantity."),
        _("Send returns as events of type refund."),
    ),
    Rule(
        "unknown_order",
        _CORRECTED,
        _("Unknown order"),
        _("The event was kept, without its reference to an order that nobody has sent."),
        _("Send the order before the events that refer to it."),
    ),
    Rule(
        "unknown_item",
        _MARKED,
        _("Unknown item"),
        _("The item was made from its id alone; it is off sale, and never recommended, until it is described."),
        _("Send your catalogue, and new items before their first event."),
    ),
    Rule(
        "price_outlier",
        _MARKED,
        _("Price far from the item's usual"),
        _("The line is kept, but left out of profiles and training until someone says that it is right."),
        _("Look for a lost decimal point or another currency; accept what is right in the event explorer."),
    ),
    Rule(
        "quantity_outlier",
        _MARKED,
        _("Quantity far beyond the item's usual"),
        _("The line is kept, but left out of profiles and training until someone says that it is right."),
        _("Look for a typing error or a test order; accept what is right in the event explorer."),
    ),
    Rule(
        "bot",
        _MARKED,
        _("Bot"),
        _("Faster than people click, or as regular as a clock. The events are kept, but count for nothing."),
        _("Look at the list of bots; say so where one is a person after all."),
    ),
)
RULES = {rule.reason: rule for rule in _RULES}


def rule_for(reason: str) -> Rule:
    """The rule behind a counted reason. `missing_…` and `bad_…` name the field that the row lacks or got wrong."""
    if rule := RULES.get(reason):
        return rule
    kind, _separator, field = reason.partition("_")
    if kind == "missing":
        return Rule(
            reason,
            _DROPPED,
            format_lazy(_("Missing: {field}"), field=field),
            _("Without this field nobody knows who did what."),
            _("Fill it in where the rows are made."),
        )
    return Rule(
        reason,
        _DROPPED,
        format_lazy(_("Unusable: {field}"), field=field or reason),
        _("The value is not what this field can hold."),
        _("The examples show the values; correct them where the rows are made."),
    )
