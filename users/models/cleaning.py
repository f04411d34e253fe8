from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models import Item
from users.choices import BotReason
from users.models.customer import Customer


class ItemNorm(models.Model):
    """What an item usually costs and how many are bought at once, by currency; beyond the bounds a line is suspect.

    A bound is None while there are too few lines to tell.
    """

    item = models.ForeignKey(Item, models.CASCADE, verbose_name=_("item"), related_name="norms", db_index=False)
    currency = models.CharField(_("currency"), max_length=3)
    lines = models.PositiveIntegerField(_("purchase lines"))
    price_median = models.FloatField(_("median price"), null=True)
    price_low = models.FloatField(_("lowest plausible price"), null=True)
    price_high = models.FloatField(_("highest plausible price"), null=True)
    quantity_median = models.FloatField(_("median quantity"))
    quantity_high = models.FloatField(_("highest plausible quantity"))
    computed_at = models.DateTimeField(_("computed"))

    class Meta:
        verbose_name = _("usual price and quantity")
        verbose_name_plural = _("usual prices and quantities")
        constraints = [models.UniqueConstraint(fields=["item", "currency"], name="item_norm_key")]

    def __str__(self) -> str:
        return f"{self.item_id} {self.currency}"


class BotMark(models.Model):
    """A customer or visitor whose events count for nothing, because no person acts like that.

    `cleared_at` says that staff thinks otherwise; then the events count, and the mark does not come back.
    """

    customer = models.OneToOneField(
        Customer, models.CASCADE, verbose_name=_("customer"), primary_key=True, related_name="bot_mark"
    )
    reason = models.CharField(_("reason"), max_length=16, choices=BotReason)
    actions = models.PositiveIntegerField(_("actions in a day"))
    per_minute = models.PositiveIntegerField(_("in the busiest minute"))
    entropy = models.FloatField(_("entropy of the pauses, bits"), null=True)
    marked_at = models.DateTimeField(_("marked"))
    cleared_at = models.DateTimeField(_("cleared"), null=True)
    cleared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("cleared by"), null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("bot")
        verbose_name_plural = _("bots")
        indexes = [models.Index(fields=["-marked_at"], name="bot_mark_newest")]

    def __str__(self) -> str:
        return f"bot {self.customer_id}"
