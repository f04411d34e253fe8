from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from catalog.models import shop_currency
from notifications.choices import CouponStatus, OfferType, RedemptionState
from users.models import Customer


class Offer(models.Model):
    """The terms of a promotion. `value` is percent points for `percent`, money otherwise.

    `committed` and `reserved` are kept in step with the redemptions by `offers.redeem`, so that the budget is one
    conditional UPDATE and cannot be overrun by concurrent orders.
    """

    name = models.CharField(_("name"), max_length=200, unique=True)
    type = models.CharField(_("type"), max_length=16, choices=OfferType)
    value = models.DecimalField(_("value"), max_digits=12, decimal_places=2)
    minimum_spend = models.DecimalField(_("minimum spend"), max_digits=12, decimal_places=2, default=0)
    maximum_discount = models.DecimalField(
        _("maximum discount"), max_digits=12, decimal_places=2, null=True, blank=True
    )
    currency = models.CharField(_("currency"), max_length=3, default=shop_currency)
    valid_from = models.DateTimeField(_("valid from"), null=True, blank=True)
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    valid_days = models.PositiveIntegerField(_("days valid from issue"), null=True, blank=True)
    uses_per_coupon = models.PositiveIntegerField(_("uses per coupon"), default=1)
    budget = models.DecimalField(_("budget"), max_digits=14, decimal_places=2, null=True, blank=True)
    reserved = models.DecimalField(_("reserved"), max_digits=14, decimal_places=2, default=0, editable=False)
    committed = models.DecimalField(_("committed"), max_digits=14, decimal_places=2, default=0, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        constraints = [
            models.CheckConstraint(condition=Q(value__gt=0), name="offer_value_gt_0"),
            models.CheckConstraint(
                condition=~Q(type=OfferType.PERCENT) | Q(value__lte=100), name="offer_percent_le_100"
            ),
            models.CheckConstraint(
                condition=Q(minimum_spend__gte=0, reserved__gte=0, committed__gte=0), name="offer_money_gte_0"
            ),
            models.CheckConstraint(
                condition=Q(budget__isnull=True) | Q(budget__gte=F("reserved") + F("committed")),
                name="offer_budget_kept",
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True) | Q(valid_until__isnull=True) | Q(valid_from__lt=F("valid_until")),
                name="offer_starts_before_it_ends",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Coupon(models.Model):
    """An offer issued to one customer under one code. `uses` counts open reservations and committed redemptions."""

    code = models.CharField(_("code"), max_length=32, unique=True)
    offer = models.ForeignKey(Offer, models.PROTECT, verbose_name=_("offer"), related_name="coupons")
    customer = models.ForeignKey(Customer, models.CASCADE, verbose_name=_("customer"), related_name="coupons")
    run = models.ForeignKey(
        "notifications.Run", models.PROTECT, verbose_name=_("run"), null=True, blank=True, related_name="coupons"
    )
    status = models.CharField(_("status"), max_length=16, choices=CouponStatus, default=CouponStatus.ISSUED)
    valid_from = models.DateTimeField(_("valid from"))
    valid_until = models.DateTimeField(_("valid until"))
    max_uses = models.PositiveIntegerField(_("uses allowed"), default=1)
    uses = models.PositiveIntegerField(_("uses"), default=0)
    issued_at = models.DateTimeField(_("issued"))

    class Meta:
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")
        constraints = [
            models.CheckConstraint(condition=Q(uses__lte=F("max_uses")), name="coupon_uses_le_max"),
            models.UniqueConstraint(
                fields=["run", "customer", "offer"],
                condition=Q(run__isnull=False),
                name="one_coupon_per_run_and_customer",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Redemption(models.Model):
    """One use of a coupon on one order: reserved, then committed or released. `amount` is the discount it gave."""

    coupon = models.ForeignKey(Coupon, models.PROTECT, verbose_name=_("coupon"), related_name="redemptions")
    order_external_id = models.CharField(_("order"), max_length=255)
    state = models.CharField(_("state"), max_length=16, choices=RedemptionState, default=RedemptionState.RESERVED)
    amount = models.DecimalField(_("discount"), max_digits=12, decimal_places=2)
    order_total = models.DecimalField(_("order total before it"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    reserved_at = models.DateTimeField(_("reserved"))
    expires_at = models.DateTimeField(_("reservation ends"))
    committed_at = models.DateTimeField(_("committed"), null=True, blank=True)
    released_at = models.DateTimeField(_("released"), null=True, blank=True)

    class Meta:
        verbose_name = _("redemption")
        verbose_name_plural = _("redemptions")
        indexes = [
            models.Index(fields=["expires_at"], name="redemption_open", condition=Q(state=RedemptionState.RESERVED)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["coupon", "order_external_id"],
                condition=~Q(state=RedemptionState.RELEASED),
                name="one_redemption_per_coupon_and_order",
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="redemption_amount_gte_0"),
        ]

    def __str__(self) -> str:
        return f"{self.coupon_id} on {self.order_external_id}"
