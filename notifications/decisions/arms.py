"""The arms of a campaign: the hold-out, and the variants of each customer's language by weight.

Each language's variants share [0, 1) in proportion to their weights, and a customer's draw falls into one of these
slices. The propensity of a variant is (1 - hold-out share) x weight / weights of that language.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from django.conf import settings

from notifications.decisions.hashing import Purpose, draw, draw_sql
from notifications.models import Campaign, Variant

HOLD_OUT = "hold_out"


@dataclass(frozen=True)
class Slice:
    """A variant's share of the draws of its language: `lower <= draw < upper`."""

    language: str
    variant_id: int
    name: str
    lower: float
    upper: float
    propensity: float


@dataclass(frozen=True)
class Arms:
    """Everything that decides a customer's arm in one campaign."""

    campaign: Campaign
    hold_out_share: float
    slices: tuple[Slice, ...]
    default_language: str

    @property
    def languages(self) -> list[str]:
        return list(dict.fromkeys(each.language for each in self.slices))

    def language_for(self, language: str) -> str:
        """The variants' language for a customer who speaks `language`: exact, else its base, else the default."""
        language = language.lower()
        for candidate in (language, language.split("-")[0]):
            if candidate in self.languages:
                return candidate
        return self.default_language

    def draw(self, *, customer_id: int, language: str) -> tuple[str, float, int | None]:
        """Arm, propensity and variant id of a customer who can be reached."""
        seed = self.campaign.hold_out_seed
        if draw(seed=seed, purpose=Purpose.HOLD_OUT, customer_id=customer_id) < self.hold_out_share:
            return HOLD_OUT, self.hold_out_share, None
        pool = [each for each in self.slices if each.language == self.language_for(language)]
        number = draw(seed=seed, purpose=Purpose.VARIANT, customer_id=customer_id)
        chosen = pool[bisect_right([each.upper for each in pool], number)]
        return chosen.name, chosen.propensity, chosen.variant_id

    def sql(self, *, customer: str, draw: str = "") -> str:
        """A JOIN that gives each customer in table alias `customer` the row `slice` of its variant.

        `draw` is a column that holds the customer's draw already. Binds `parameters`.
        """
        language = f"lower({customer}.language)"
        base = f"split_part({language}, '-', 1)"
        pool = (
            f"CASE WHEN {language} = ANY(%(languages)s) THEN {language} "
            f"WHEN {base} = ANY(%(languages)s) THEN {base} ELSE %(default_language)s END"
        )
        number = draw or draw_sql(Purpose.VARIANT, customer_id=f"{customer}.id")
        return (
            "JOIN unnest(%(slice_languages)s::text[], %(variant_ids)s::bigint[], %(names)s::text[], "
            "%(lowers)s::float8[], %(uppers)s::float8[], %(propensities)s::float8[]) "
            "AS slice (language, variant_id, name, lower, upper, propensity) "
            f"ON slice.language = {pool} AND {number} >= slice.lower AND {number} < slice.upper"
        )

    def parameters(self) -> dict[str, Any]:
        """What `sql` and `held_out_sql` bind."""
        return {
            **hold_out_parameters(self.campaign),
            "default_language": self.default_language,
            "languages": self.languages,
            "slice_languages": [each.language for each in self.slices],
            "variant_ids": [each.variant_id for each in self.slices],
            "names": [each.name for each in self.slices],
            "lowers": [each.lower for each in self.slices],
            "uppers": [each.upper for each in self.slices],
            "propensities": [each.propensity for each in self.slices],
        }


def hold_out_share(campaign: Campaign) -> float:
    """Probability with which a customer of `campaign` is held out."""
    return float(campaign.hold_out_percent) / 100


def held_out_sql(*, customer_id: str) -> str:
    """Condition: the customer in column `customer_id` falls into the hold-out. Binds `hold_out_parameters`."""
    return f"{draw_sql(Purpose.HOLD_OUT, customer_id=customer_id)} < %(hold_out_share)s"


def hold_out_parameters(campaign: Campaign) -> dict[str, Any]:
    """What `held_out_sql` binds."""
    return {"seed": str(campaign.hold_out_seed), "hold_out_share": hold_out_share(campaign)}


def campaign_arms(campaign: Campaign) -> Arms:
    """The arms of `campaign`. Raises ValueError when it has no variant."""
    variants = list(campaign.variants.order_by("language", "name"))
    if not variants:
        raise ValueError(f"Campaign “{campaign}” has no variant; add a message to it.")
    share = hold_out_share(campaign)
    languages = list(dict.fromkeys(variant.language.lower() for variant in variants))
    slices = tuple(
        each
        for language in languages
        for each in _slices(language, (v for v in variants if v.language.lower() == language), share)
    )
    return Arms(campaign, share, slices, _default_language(languages))


def _slices(language: str, variants: Iterable[Variant], held_out: float) -> list[Slice]:
    pool = list(variants)
    bounds = list(accumulate(variant.weight for variant in pool))
    total = bounds[-1]
    return [
        Slice(
            language=language,
            variant_id=variant.pk,
            name=variant.name,
            lower=(upper - variant.weight) / total,
            upper=upper / total,
            propensity=(1 - held_out) * variant.weight / total,
        )
        for variant, upper in zip(pool, bounds, strict=True)
    ]


def _default_language(languages: list[str]) -> str:
    """The variants without a language, else those in the installation's language, else the first."""
    for candidate in ("", settings.LANGUAGE_CODE.lower(), settings.LANGUAGE_CODE.lower().split("-")[0]):
        if candidate in languages:
            return candidate
    return languages[0]
