from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifications.choices import OPEN_RUN_STATUSES, RecipientStatus, RunStatus, SuppressionReason
from notifications.models.campaign import Campaign, Variant
from notifications.models.offer import Coupon, Offer
from users.models import Customer


class Run(models.Model):
    """One execution of a campaign at one scheduled time. `matched` is how many its segment had; None: not asked yet."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, verbose_name=_("campaign"), related_name="runs")
    scheduled_at = models.DateTimeField(_("scheduled"))
    status = models.CharField(_("status"), max_length=16, choices=RunStatus, default=RunStatus.PENDING)
    matched = models.PositiveIntegerField(null=True, editable=False)
    error = models.TextField(_("error"), blank=True, default="")
    launched_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("launched by"),
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    planned_at = models.DateTimeField(_("planned"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        constraints = [models.UniqueConstraint(fields=["campaign", "scheduled_at"], name="one_run_per_time")]
        indexes = [
            models.Index(fields=["scheduled_at"], name="run_open", condition=Q(status__in=OPEN_RUN_STATUSES)),
        ]

    def __str__(self) -> str:
        return f"{self.campaign} · {self.scheduled_at:%Y-%m-%d %H:%M}"


class RunShard(models.Model):
    """Customers of a run who are not decided yet. Whoever decides them removes it in the same transaction."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="shards")
    customer_ids = ArrayField(models.BigIntegerField())

    def __str__(self) -> str:
        return f"shard {self.pk} of run {self.run_id}"


class Recipient(models.Model):
    """What was decided about one customer in one run, and why: the decision log.

    `arm` is `hold_out` or the name of the variant; `propensity` is the probability with which that arm was drawn.
    The two arrays have one entry per recommended item.
    """

    # All of these are read by the statement that writes the row; the database would look each of them up and lock it
    # again, row by row, which took longer than to write them. Customers are never deleted, only erased.
    run = models.ForeignKey(
        Run, models.PROTECT, verbose_name=_("run"), related_name="recipients", db_index=False, db_constraint=False
    )
    customer = models.ForeignKey(
        Customer,
        models.CASCADE,
        verbose_name=_("customer"),
        related_name="recipients",
        db_index=False,
        db_constraint=False,
    )
    status = models.CharField(_("decision"), max_length=16, choices=RecipientStatus)
    suppression = models.CharField(
        _("suppressed because"), max_length=32, choices=SuppressionReason, blank=True, default=""
    )
    arm = models.CharField(_("arm"), max_length=50)
    propensity = models.FloatField(_("propensity"))
    variant = models.ForeignKey(
        Variant,
        models.PROTECT,
        verbose_name=_("variant"),
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    offer = models.ForeignKey(
        Offer,
        models.PROTECT,
        verbose_name=_("offer"),
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    coupon = models.ForeignKey(
        Coupon,
        models.SET_NULL,
        verbose_name=_("coupon"),
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    item_ids = ArrayField(models.BigIntegerField(), verbose_name=_("items"), default=list)
    reason_item_ids = ArrayField(models.BigIntegerField(null=True), verbose_name=_("because of"), default=list)
    send_at = models.DateTimeField(_("send at"), null=True)
    decided_at = models.DateTimeField(_("decided"))

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        constraints = [models.UniqueConstraint(fields=["customer", "run"], name="decided_once_per_run")]
        indexes = [models.Index(fields=["run", "status"], name="recipient_by_decision")]

    def __str__(self) -> str:
        return f"{self.customer_id} in run {self.run_id}: {self.status}"
