"""Everything a batch's messages say, fetched in a few queries for the whole batch."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.text import Truncator

from notifications.channels import delivery_channel
from notifications.channels.base import Address, BadAddressError, Envelope, Notice
from notifications.content.render import CompiledContent, compile_content
from notifications.delivery.claim import Claim
from notifications.delivery.context import Addressee, Contexts
from notifications.listening.domains import domain_of
from notifications.listening.opens import pixel_html
from notifications.listening.tokens import TokenMaker
from notifications.models import Recipient, Run, Variant


@dataclass(frozen=True, slots=True)
class Letter:
    """A claimed message with everything that its rendering needs."""

    claim: Claim
    addressee: Addressee
    addresses: tuple[Address, ...]
    domain: str = ""  # of its mailbox


class Letters:
    """The messages of one run. Variants are compiled once."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._channel = delivery_channel(run.campaign.channel)
        self._variants = {variant.pk: variant for variant in run.campaign.variants.all()}
        self._contents: dict[int, CompiledContent] = {}
        self._tokens = TokenMaker()
        self._contexts = Contexts(
            run,
            destinations={variant.url for variant in self._variants.values()},
            says_points=any(variant.says_points for variant in self._variants.values()),
        )

    def load(self, claims: list[Claim]) -> list[Letter]:
        """The letters of a batch, in its order, less those whose customer was erased since they were claimed."""
        rows = Recipient.objects.filter(
            pk__in=[claim.recipient_id for claim in claims], customer__erased_at=None
        ).values_list(
            *("pk", "customer_id", "variant_id", "customer__first_name", "customer__language", "customer__country"),
            *("item_ids", "reason_item_ids", "coupon__code", "coupon__valid_until", "coupon__offer_id"),
        )
        found = {row[0]: row[1:] for row in rows}
        addressees = [
            self._addressee(claim, *found[claim.recipient_id]) for claim in claims if claim.recipient_id in found
        ]
        self._contexts.prepare(addressees)
        addresses = self._channel.addresses([each.customer_id for each in addressees])
        by_message = {claim.message_id: claim for claim in claims}
        return [
            self._letter(by_message[each.message_id], each, addresses.get(each.customer_id, ())) for each in addressees
        ]

    def _letter(self, claim: Claim, addressee: Addressee, addresses: tuple[Address, ...]) -> Letter:
        is_mail = self._channel.capabilities.takes_mail and addresses
        return Letter(claim, addressee, addresses, domain_of(addresses[0].value) if is_mail else "")

    def render(self, letter: Letter) -> Envelope | Notice:
        """One letter as it is handed to the channel. Raises ContentError, LookupError or BadAddressError."""
        if not letter.addresses:
            raise BadAddressError("The customer has no address on this channel.")
        variant = self._variants.get(letter.addressee.variant_id or 0)
        if variant is None:
            raise LookupError("Its variant was deleted.")
        content = self._content(variant)
        context = self._contexts.build(letter.addressee)
        if self._channel.capabilities.takes_mail:
            return _envelope(letter, content, context, self._tokens)
        return self._notice(letter, content, context, url=variant.url)

    def _addressee(self, claim: Claim, customer_id: int, variant_id: int | None, *told: Any) -> Addressee:
        first_name, language, *rest = told
        variant = self._variants.get(variant_id or 0)
        spoken = (variant.language if variant else "") or language or settings.LANGUAGE_CODE
        return Addressee(claim.message_id, customer_id, variant_id, first_name, spoken, *rest)

    def _notice(self, letter: Letter, content: CompiledContent, context: dict[str, Any], *, url: str) -> Notice:
        rendered = content.render_notice(context)
        able = self._channel.capabilities
        first = context["items"][0] if context["items"] else {"url": context["shop"]["url"], "image_url": ""}
        return Notice(
            message_id=letter.claim.message_id,
            customer_id=letter.addressee.customer_id,
            addresses=letter.addresses,
            title=Truncator(rendered.title).chars(able.title_limit),
            body=Truncator(rendered.body).chars(able.body_limit),
            url=self._contexts.tracked(letter.addressee, url) if url else first["url"],
            image_url=first["image_url"],
            data={"coupon": context["coupon"]["code"]} if context["coupon"] else {},
            unsubscribe_url=context["links"]["unsubscribe"],
        )

    def _content(self, variant: Variant) -> CompiledContent:
        if variant.pk not in self._contents:
            variant.campaign = self.run.campaign
            self._contents[variant.pk] = compile_content(**variant.parts())
        return self._contents[variant.pk]


def _envelope(letter: Letter, content: CompiledContent, context: dict[str, Any], tokens: TokenMaker) -> Envelope:
    rendered = content.render(context)
    return Envelope(
        message_id=letter.claim.message_id,
        address=letter.addresses[0],
        subject=rendered.subject,
        html=(*rendered.html_pieces, pixel_html(message_id=letter.claim.message_id, tokens=tokens)),
        text=(rendered.text,),
        unsubscribe_url=context["links"]["unsubscribe"],
    )
