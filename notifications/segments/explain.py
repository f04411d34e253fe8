"""A rule read back as one plain sentence, in English and Chinese."""

from datetime import date, datetime
from functools import singledispatch
from typing import Any

from notifications.offers.money import known_language
from notifications.segments import nodes
from notifications.segments.phrases import CHINESE, ENGLISH, Phrases
from notifications.segments.schema import parse_rule


def explain_rule(rule: object, language: str = "en") -> str:
    """The sentence for the rule, in Chinese for `zh…` and else in English. Raises RuleError for a faulty rule."""
    phrases = CHINESE if known_language(language).startswith("zh") else ENGLISH
    parsed = parse_rule(rule)
    if isinstance(parsed, nodes.All | nodes.AnyOf):
        return phrases["sentence"].format(_joined(parsed.rules, phrases, _word(parsed)))
    return phrases["sentence"].format(_clause(parsed, phrases))


def _joined(rules: tuple[nodes.Rule, ...], phrases: Phrases, word: str) -> str:
    return phrases[word].join(_clause(rule, phrases) for rule in rules)


@singledispatch
def _clause(node: Any, phrases: Phrases) -> str:
    raise TypeError(f"no words for {type(node).__name__}")


def _word(node: nodes.All | nodes.AnyOf) -> str:
    return "and" if isinstance(node, nodes.All) else "or"


@_clause.register(nodes.All)
@_clause.register(nodes.AnyOf)
def _(node: nodes.All | nodes.AnyOf, phrases: Phrases) -> str:
    return phrases["group"].format(_joined(node.rules, phrases, _word(node)))


@_clause.register
def _(node: nodes.Not, phrases: Phrases) -> str:
    return phrases["not"].format(_clause(node.rule, phrases))


@_clause.register
def _(node: nodes.FieldTest, phrases: Phrases) -> str:
    label = node.field.chinese if phrases is CHINESE else node.field.english
    if node.op == "between":
        return phrases["between"].format(label, *(f"{number:f}" for number in node.value))
    if node.op in ("older_than_days", "within_days"):
        return phrases[node.op].format(label, _days(node.value, phrases))
    op = {"in": "=", "not_in": "!="}.get(node.op, node.op) if len(_as_list(node.value)) == 1 else node.op
    return phrases[op].format(label, _value(node.value, phrases))


def _as_list(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _value(value: Any, phrases: Phrases) -> str:
    if isinstance(value, tuple):
        shown = [str(text) for text in value[:5]] + ([phrases["more"].format(len(value) - 5)] if len(value) > 5 else [])
        return phrases["list"].join(shown)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}" if (value.hour or value.minute) else f"{value:%Y-%m-%d}"
    return value.isoformat() if isinstance(value, date) else str(value)


def _days(days: int, phrases: Phrases) -> str:
    return phrases["day" if days == 1 else "days"].format(days)


@_clause.register
def _(node: nodes.EventCount, phrases: Phrases) -> str:
    one, many = phrases.events[node.type.code]
    number = node.most if node.least == 0 else node.least
    noun = one if number == 1 else many
    if node.least == 0 and node.most == 0:
        count = phrases["none"].format(one)
    elif node.least == 0:
        count = phrases["at_most"].format(node.most, noun)
    elif node.most is None:
        count = phrases["at_least"].format(node.least, noun)
    elif node.most == node.least:
        count = phrases["exactly"].format(node.least, noun)
    else:
        count = phrases["from_to"].format(node.least, node.most, many)
    window = phrases["window"].format(_days(node.days, phrases)) if node.days is not None else phrases["ever"]
    return phrases["event"].format(count=count, items=_items(node, phrases), window=window)


def _items(node: nodes.EventCount, phrases: Phrases) -> str:
    filters = (("items", node.items), ("categories", node.categories), ("brands", node.brands))
    return "".join(phrases[name].format(_value(values, phrases)) for name, values in filters if values)


@_clause.register
def _(node: nodes.HasConsent, phrases: Phrases) -> str:
    return phrases["consent"].format(phrases[node.channel], phrases[node.purpose])


@_clause.register
def _(node: nodes.HasCoupon, phrases: Phrases) -> str:
    clause = phrases[node.state]
    return clause + phrases["of_offer"].format(node.offer) if node.offer else clause


@_clause.register
def _(node: nodes.InSegment, phrases: Phrases) -> str:
    return phrases["segment"].format(node.name)
