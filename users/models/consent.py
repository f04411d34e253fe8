from django.db import models
from django.utils.translation import gettext_lazy as _

from users.choices import Channel, ConsentPurpose
from users.models.customer import Customer


class Consent(models.Model):
    """One entry of the consent ledger. Rows are only ever added: the newest per channel and purpose holds."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="consents", db_index=False)
    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    purpose = models.CharField(_("purpose"), max_length=16, choices=ConsentPurpose, default=ConsentPurpose.MARKETING)
    granted = models.BooleanField(_("granted"))
    source = models.CharField(_("source"), max_length=255)
    text_version = models.CharField(
        _("text version"),
        max_length=64,
        blank=True,
        default="",
        help_text=_("Which wording the customer agreed to; the shop keeps the texts."),
    )
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        indexes = [
            models.Index(
                fields=["customer", "channel", "purpose", "-recorded_at", "-id"],
                include=["granted"],
                name="consent_current",
            ),
            models.Index(
                fields=["customer", "-recorded_at", "-id"],
                name="consent_profiling",
                condition=models.Q(purpose=ConsentPurpose.PROFILING),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} {self.channel}/{self.purpose}: {self.granted}"
