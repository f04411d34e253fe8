from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notifications.choices import PointsKind, TierBasis
from notifications.models.money import MoneyField
from users.choices import EventType
from users.models import Customer


class Tier(models.Model):
    """A level of membership, reached by `threshold` points or money within `window_days` (None: ever)."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    rank = models.PositiveSmallIntegerField(_("rank"), unique=True, help_text=_("The higher, the better."))
    basis = models.CharField(_("measured by"), max_length=16, choices=TierBasis, default=TierBasis.SPEND)
    threshold = MoneyField(_("threshold"))
    window_days = models.PositiveIntegerField(
        _("within days"), null=True, blank=True, default=365, help_text=_("Empty: ever.")
    )
    multiplier = models.DecimalField(
        _("points multiplied by"), max_digits=5, decimal_places=2, default=1, help_text=_("For points of orders.")
    )
    benefits = models.TextField(_("benefits"), blank=True, default="", help_text=_("In words, for customers."))

    class Meta:
        verbose_name = _("tier")
        verbose_name_plural = _("tiers")
        ordering = ("rank",)
        constraints = [
            models.CheckConstraint(condition=Q(threshold__gt=0, multiplier__gte=1), name="tier_sane"),
        ]

    def __str__(self) -> str:
        return self.name


class PointsRule(models.Model):
    """For what points are earned: `points` per unit of money of an order, or per event of one type."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    event_type = models.SmallIntegerField(
        _("event"), choices=EventType, null=True, blank=True, help_text=_("Empty: orders.")
    )
    points = models.DecimalField(
        _("points"), max_digits=9, decimal_places=3, help_text=_("Per unit of money paid, or per event.")
    )
    daily_limit = models.PositiveIntegerField(
        _("events a day"), null=True, blank=True, help_text=_("How many of a customer's events count on one day (UTC).")
    )
    starts_at = models.DateTimeField(
        _("from"), default=timezone.now, help_text=_("What happened earlier earns nothing.")
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("points rule")
        verbose_name_plural = _("points rules")
        constraints = [
            models.CheckConstraint(condition=Q(points__gt=0), name="points_rule_gt_0"),
            models.UniqueConstraint(
                fields=["is_active"], condition=Q(event_type__isnull=True, is_active=True), name="one_active_order_rule"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PointsAccount(models.Model):
    """A customer's points and tier: the sums of the ledger's credits and debits, and what is left of them."""

    customer = models.OneToOneField(
        Customer, models.CASCADE, verbose_name=_("customer"), primary_key=True, related_name="points_account"
    )
    credited = models.BigIntegerField(_("credited"), default=0)
    debited = models.BigIntegerField(_("debited"), default=0)
    balance = models.GeneratedField(
        expression=F("credited") - F("debited"),
        output_field=models.BigIntegerField(_("balance")),
        db_persist=True,
        verbose_name=_("balance"),
    )
    tier = models.ForeignKey(
        Tier, models.SET_NULL, verbose_name=_("tier"), null=True, blank=True, related_name="accounts"
    )
    tier_since = models.DateTimeField(_("tier since"), null=True, blank=True)

    class Meta:
        verbose_name = _("points account")
        verbose_name_plural = _("points accounts")
        constraints = [
            models.CheckConstraint(condition=Q(credited__gte=F("debited"), debited__gte=0), name="points_never_below_0")
        ]

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.credited - self.debited}"


class PointsEntry(models.Model):
    """One line of the ledger, which is only ever added to. `source` names its cause, so that it counts once.

    Debits use up the credits that expire first.
    """

    customer = models.ForeignKey(
        Customer, models.CASCADE, verbose_name=_("customer"), related_name="points_entries", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=16, choices=PointsKind)
    points = models.BigIntegerField(_("points"))
    source = models.CharField(_("source"), max_length=150, unique=True)
    note = models.CharField(_("note"), max_length=200, blank=True, default="")
    at = models.DateTimeField(_("time"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)

    class Meta:
        verbose_name = _("points entry")
        verbose_name_plural = _("points ledger")
        indexes = [
            models.Index(fields=["customer", "at"], name="points_of_customer"),
            models.Index(fields=["expires_at"], name="points_expiring", condition=Q(points__gt=0)),
        ]
        constraints = [models.CheckConstraint(condition=~Q(points=0), name="points_entry_moves")]

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.points:+}"


class TierChange(models.Model):
    """A customer's move from one tier to another; None is no tier."""

    customer = models.ForeignKey(Customer, models.CASCADE, verbose_name=_("customer"), related_name="tier_changes")
    before = models.ForeignKey(Tier, models.SET_NULL, verbose_name=_("from"), null=True, related_name="+")
    after = models.ForeignKey(Tier, models.SET_NULL, verbose_name=_("to"), null=True, related_name="+")
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("tier change")
        verbose_name_plural = _("tier changes")
        indexes = [models.Index(fields=["at"], name="tier_change_time")]

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.before_id} → {self.after_id}"


class Progress(models.Model):
    """How far a periodic job has read a table; the row is locked by whoever reads on."""

    name = models.CharField(_("name"), max_length=100, primary_key=True)
    position = models.BigIntegerField(default=0)
    moment = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("progress")
        verbose_name_plural = _("progress")

    def __str__(self) -> str:
        return f"{self.name}: {self.position}"
