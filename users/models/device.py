from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from users.choices import Channel, DisabledReason
from users.encryption import EncryptedTextField
from users.models.customer import Customer


class Device(models.Model):
    """An installation of an app, or a browser, that takes push messages of one customer.

    `address` is the provider's token, or for web push the subscription as JSON (endpoint, p256dh, auth); it is
    encrypted. `address_hash` is the keyed hash by which a device is known again. A disabled device gets nothing until
    it registers anew.
    """

    customer = models.ForeignKey(
        Customer, models.CASCADE, verbose_name=_("customer"), related_name="devices", db_index=False
    )
    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    address = EncryptedTextField(_("token"))
    address_hash = models.CharField(max_length=32)
    platform = models.CharField(_("platform"), max_length=64, blank=True, default="")
    language = models.CharField(_("language"), max_length=16, blank=True, default="")
    created_at = models.DateTimeField(_("registered"), auto_now_add=True)
    last_seen_at = models.DateTimeField(_("last seen"))
    disabled_at = models.DateTimeField(_("disabled"), null=True)
    disabled_reason = models.CharField(
        _("disabled because"), max_length=16, choices=DisabledReason, blank=True, default=""
    )

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        constraints = [models.UniqueConstraint(fields=["channel", "address_hash"], name="one_device_per_address")]
        indexes = [
            models.Index(fields=["customer", "channel"], name="device_live", condition=Q(disabled_at=None)),
            models.Index(fields=["customer", "-last_seen_at"], name="device_of_customer"),
            models.Index(fields=["last_seen_at"], name="device_last_seen"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} device {self.pk}"
