from django.db import models
from django.utils.translation import gettext_lazy as _

from users.encryption import EncryptedTextField, lookup_hash


class Customer(models.Model):
    """A shopper. `external_id` is the shop's own id; an anonymous visitor has none until it identifies itself.

    `email` and `phone` are encrypted; `email_hash` finds a customer by address. `described_at` is the time of the
    newest description, so that an older one that arrives late only fills gaps.
    """

    external_id = models.CharField(_("shop's id"), max_length=255, unique=True, null=True, blank=True)
    anonymous_id = models.CharField(_("anonymous id"), max_length=255, unique=True, null=True, blank=True)
    email = EncryptedTextField(_("e-mail"), blank=True, default="")
    email_hash = models.CharField(max_length=64, blank=True, default="", editable=False)
    phone = EncryptedTextField(_("phone"), blank=True, default="")
    first_name = models.CharField(_("first name"), max_length=150, blank=True, default="")
    last_name = models.CharField(_("last name"), max_length=150, blank=True, default="")
    birth_date = models.DateField(_("birth date"), null=True, blank=True)
    language = models.CharField(_("language"), max_length=16, blank=True, default="")
    country = models.CharField(_("country"), max_length=2, blank=True, default="", help_text=_("ISO 3166-1 code"))
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="")
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    merged_into = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="merged_from")
    described_at = models.DateTimeField(null=True, editable=False)
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        permissions = [
            ("show_personal_data", _("Can see names, addresses and phone numbers")),
            ("export_customer", _("Can export all data of a customer")),
            ("erase_customer", _("Can erase a customer")),
        ]
        indexes = [
            models.Index(fields=["email_hash"], name="customer_email_hash", condition=~models.Q(email_hash="")),
            models.Index(fields=["external_id"], name="customer_external_prefix", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["country"], name="customer_country"),
            models.Index(fields=["id"], name="customer_erased", condition=models.Q(erased_at__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(external_id__isnull=False)
                | models.Q(anonymous_id__isnull=False)
                | models.Q(erased_at__isnull=False),
                name="customer_has_an_id",
            )
        ]

    def __str__(self) -> str:
        if self.erased_at is not None:
            return f"erased {self.pk}"
        return self.external_id or f"anonymous {self.anonymous_id or self.pk}"

    def save(self, *args: object, **kwargs: object) -> None:
        self.email_hash = lookup_hash(self.email)
        super().save(*args, **kwargs)  # type: ignore[arg-type]
