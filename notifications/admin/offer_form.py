"""The form of an offer: of the terms only those of the chosen type, and its lists as lines of text."""

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from notifications.choices import CodeSource, Stacking
from notifications.models import Offer
from notifications.offers.checks import ALL_TYPE_FIELDS, TYPE_FIELDS, check_terms
from notifications.offers.scope import KINDS, SIDES
from notifications.offers.terms import forget_foreign_fields

SCOPE_FIELDS = {f"{side}_{kind}": (side, kind) for side in SIDES for kind in KINDS}
_SEPARATOR = re.compile(r"[,，;；\n]+")
_PAIR = re.compile(r"^(.+?)\s*(?:=|:|：|→)\s*(\S+)$")


class NamesWidget(UnfoldAdminTextInputWidget):
    """Names of one kind, looked up while one types; without scripts a line of text."""

    class Media:
        css = {"all": ("notifications/rules.css",)}
        js = (forms.Script("notifications/names_picker.js", type="module"),)

    def __init__(self, kind: str) -> None:
        super().__init__(attrs={"data-names": kind})

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        told = {
            "data-suggest": reverse("admin:notifications_segment_suggest"),
            "data-add": _("Add …"),
            "data-remove": _("Remove"),
            "data-nothing": _("Nothing found"),
        }
        return super().get_context(name, value, {**(attrs or {}), **told})


class NamesField(forms.CharField):
    """Ids of one `kind` ("item", "category") or brands, separated by commas or lines.

    Brands that stand a line each, as the picker writes them, may hold commas.
    """

    def __init__(self, kind: str, **options: Any) -> None:
        self.kind = kind
        super().__init__(**{"required": False, "widget": NamesWidget(kind), **options})

    def prepare_value(self, value: Any) -> Any:
        return "".join(f"{name},\n" for name in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            names = value
        elif self.kind == "brand" and "\n" in (value or ""):
            names = [line.strip().removesuffix(",") for line in value.splitlines()]
        else:
            names = _SEPARATOR.split(value or "")
        return [name.strip() for name in names if name.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return list(initial or []) != self.to_python(data)


class PairsField(forms.CharField):
    """One pair a line: `left = right`, where the right side is an amount."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "widget": UnfoldAdminTextareaWidget(attrs={"rows": 4}), **options})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{left} = {right}" for left, right in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        pairs = []
        for line in (value or "").splitlines():
            if not line.strip():
                continue
            match = _PAIR.match(line.strip())
            if match is None or not _is_amount(match[2]):
                raise ValidationError(_("“%(line)s” is not of the form: … = amount") % {"line": line.strip()[:60]})
            pairs.append((match[1], match[2]))
        return pairs

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return list(initial or []) != self.to_python(data)
        except ValidationError:
            return True


def _is_amount(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


class OfferForm(forms.ModelForm):
    reward_items = NamesField(
        "item",
        label=gettext_lazy("Given items"),
        help_text=gettext_lazy("Left empty for “Buy X, get Y”, the cheapest of the bought are given."),
    )
    steps = PairsField(
        label=gettext_lazy("Further steps"),
        help_text=gettext_lazy("One a line, what is spent and what is saved: 60 = 12"),
    )
    item_prices = PairsField(
        label=gettext_lazy("Special prices"),
        help_text=gettext_lazy("One a line, the shop's id of the item and its price: 85123A = 4.99"),
    )
    include_items = NamesField("item", label=gettext_lazy("Only these items"))
    include_categories = NamesField("category", label=gettext_lazy("Only these categories"))
    include_brands = NamesField("brand", label=gettext_lazy("Only these brands"))
    exclude_items = NamesField("item", label=gettext_lazy("Not these items"))
    exclude_categories = NamesField("category", label=gettext_lazy("Not these categories"))
    exclude_brands = NamesField("brand", label=gettext_lazy("Not these brands"))

    class Meta:
        model = Offer
        exclude = ("scope",)
        help_texts = {
            "maximum_discount": gettext_lazy("The most that one order saves. Empty: no limit."),
            "budget": gettext_lazy("What all orders together may cost; then the offer is over. Empty: no limit."),
            "total_limit": gettext_lazy("Empty: no limit."),
            "customer_limit": gettext_lazy("Empty: no limit."),
            "valid_from": gettext_lazy("Empty: at once."),
            "valid_until": gettext_lazy("Empty: no end."),
            "minimum_tier": gettext_lazy("Only members from this tier on. Empty: everybody."),
            "points_price": gettext_lazy("What a coupon costs in points. Empty: not for points."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer = self.instance
        if offer.pk is None:  # a sound offer to start from, whose examples show at once
            self.initial.update(value=10, valid_days=14)
        self.initial["steps"] = [(step["spend"], step["save"]) for step in offer.steps]
        self.initial["item_prices"] = list(offer.item_prices.items())
        for name, (side, kind) in SCOPE_FIELDS.items():
            self.initial[name] = (offer.scope.get(side) or {}).get(kind, [])
        for name, field in self.fields.items():
            if name not in ("name", "type"):
                field.required = False  # what is left empty has its default

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in self.fields:
            if name not in SCOPE_FIELDS and cleaned.get(name) in (None, "") and name not in self.errors:
                cleaned[name] = Offer._meta.get_field(name).get_default()  # type: ignore[union-attr]
        cleaned["steps"] = [{"spend": spend, "save": save} for spend, save in cleaned.get("steps") or ()]
        cleaned["item_prices"] = dict(cleaned.get("item_prices") or ())
        if SCOPE_FIELDS.keys() <= self.fields.keys():
            cleaned["scope"] = self.instance.scope = self._scope(cleaned)
        offer = self.instance
        shown = {name: value for name, value in cleaned.items() if name in self.fields}
        for name, value in shown.items():
            if name not in SCOPE_FIELDS:
                setattr(offer, name, value)
        forget_foreign_fields(offer)
        self._forget_hidden(cleaned)
        for field, message in check_terms(vars(offer)).items():
            self.add_error(self._place_of(field), message)
        return cleaned

    def _forget_hidden(self, cleaned: dict[str, Any]) -> None:
        """What does not show for the choices made keeps nothing, and is not complained about."""
        own = TYPE_FIELDS.get(self.instance.type, ALL_TYPE_FIELDS)
        for name in ALL_TYPE_FIELDS:
            if name not in own and name in self.fields:
                cleaned[name] = getattr(self.instance, name)
                self.errors.pop(name, None)
        if self.instance.stacking == Stacking.EXCLUSIVE:
            cleaned["stacking_group"] = self.instance.stacking_group = ""

    def _scope(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        """The scope without what is empty."""
        scope: dict[str, Any] = {}
        for name, (side, kind) in SCOPE_FIELDS.items():
            if names := cleaned.get(name):
                scope.setdefault(side, {})[kind] = names
        return scope

    def _place_of(self, field: str) -> str | None:
        place = "include_items" if field == "scope" else field
        return place if place in self.fields else None

    @property
    def changed_terms(self) -> list[str]:
        """The changed fields of the model."""
        names = ["scope" if name in SCOPE_FIELDS else name for name in self.changed_data]
        return list(dict.fromkeys(names))


def _shown_for(field: str) -> str:
    types = [f"'{kind}'" for kind, names in TYPE_FIELDS.items() if field in names]
    return f"typeof type === 'undefined' || [{', '.join(types)}].includes(type)"


_OF_ALL_TYPES = frozenset.intersection(*map(frozenset, TYPE_FIELDS.values()))
# Read by the theme's script, which shows a field while its condition holds.
CONDITIONAL_FIELDS = {
    **{
        name: _shown_for(name) for name in ALL_TYPE_FIELDS if name not in ("scope", "minimum_spend", "minimum_quantity")
    },
    "stacking_group": f"stacking == '{Stacking.STACKABLE}'",
    "low_stock": f"code_source == '{CodeSource.IMPORTED}'",
}
