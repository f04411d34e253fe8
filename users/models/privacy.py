from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from users.choices import AccessAction, ActorKind
from users.models.customer import Customer


class CustomerAccess(models.Model):
    """Who looked at, changed, exported or erased whom. Rows are only ever added; a trigger refuses everything else.

    It holds nothing personal of the customer, so that it may outlive an erasure. `page` is the name of a view, never
    an address, because addresses hold ids; `detail` names fields, never values. Without a customer it is a list.
    """

    customer = models.ForeignKey(
        Customer,
        models.DO_NOTHING,
        verbose_name=_("customer"),
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="accesses",
    )
    action = models.CharField(_("action"), max_length=16, choices=AccessAction)
    actor_kind = models.CharField(_("kind of actor"), max_length=16, choices=ActorKind)
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(pgettext_lazy("access log", "who"), max_length=150, blank=True, default="")
    page = models.CharField(pgettext_lazy("access log", "page"), max_length=100, blank=True, default="")
    detail = models.CharField(_("detail"), max_length=255, blank=True, default="")
    at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        verbose_name = _("access")
        verbose_name_plural = _("access log")
        indexes = [
            models.Index(fields=["customer", "-at"], name="access_of_customer"),
            BrinIndex(fields=["at"], name="access_time", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.customer_id} at {self.at:%Y-%m-%d %H:%M}"


class ErasedId(models.Model):
    """The keyed hash of an id that was erased. Until `refuse_until`, rows that name it are refused: late retries."""

    id_hash = models.CharField(max_length=32, unique=True)
    refuse_until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.id_hash[:8]}… until {self.refuse_until:%Y-%m-%d}"


class RetentionRecord(models.Model):
    """What a retention rule removed, once: everything `kept_from` and later stayed."""

    rule = models.CharField(_("rule"), max_length=64)
    kept_from = models.DateTimeField(_("kept from"))
    removed = models.PositiveBigIntegerField(_("rows removed"))
    at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        verbose_name = _("removal by retention")
        verbose_name_plural = _("removals by retention")

    def __str__(self) -> str:
        return f"{self.rule}: {self.removed} before {self.kept_from:%Y-%m-%d}"
