from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from catalog.models import shop_currency
from notifications.choices import CodeSource, CouponStatus, OfferType, RedemptionState, Stacking
from notifications.models.membership import Tier
from notifications.models.money import MoneyField
from users.models import Customer


class Offer(models.Model):
    """The terms of a promotion. What `value` means depends on the type; `offers.terms` says which fields belong to it.

    `committed`, `reserved` and `redeemed` are kept in step with the redemptions by `offers.redeem`, so that budget and
    limit are one conditional UPDATE and cannot be overrun by concurrent orders. `scope` is described in `offers.scope`,
    `steps` are those above the first one, `{"spend", "save"}`; `item_prices` maps ids of items to money, as text.
    """

    name = models.CharField(_("name"), max_length=200, unique=True)
    type = models.CharField(_("type"), max_length=16, choices=OfferType)
    value = MoneyField(_("value"), default=0)
    steps = models.JSONField(_("steps"), default=list, blank=True)
    item_prices = models.JSONField(_("special prices"), default=dict, blank=True)
    buy_quantity = models.PositiveIntegerField(_("to be bought"), null=True, blank=True)
    get_quantity = models.PositiveIntegerField(_("to be got"), null=True, blank=True)
    reward_items = ArrayField(models.CharField(max_length=255), verbose_name=_("given items"), default=list, blank=True)
    scope = models.JSONField(_("what it covers"), default=dict, blank=True)
    minimum_spend = MoneyField(_("minimum spend"), default=0)
    minimum_quantity = models.PositiveIntegerField(_("minimum quantity"), default=0)
    maximum_discount = MoneyField(_("maximum discount"), null=True, blank=True)
    maximum_quantity = models.PositiveIntegerField(_("most items per order"), null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, default=shop_currency)
    valid_from = models.DateTimeField(_("valid from"), null=True, blank=True)
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    valid_days = models.PositiveIntegerField(_("days valid from issue"), null=True, blank=True)
    uses_per_coupon = models.PositiveIntegerField(_("uses per coupon"), default=1)
    total_limit = models.PositiveIntegerField(_("uses in total"), null=True, blank=True)
    customer_limit = models.PositiveIntegerField(_("uses per customer"), null=True, blank=True)
    stacking = models.CharField(_("combination"), max_length=16, choices=Stacking, default=Stacking.EXCLUSIVE)
    stacking_group = models.CharField(_("group"), max_length=50, blank=True, default="")
    minimum_tier = models.ForeignKey(
        Tier, models.PROTECT, verbose_name=_("from tier"), null=True, blank=True, related_name="offers"
    )
    points_price = models.PositiveIntegerField(_("price in points"), null=True, blank=True)
    code_source = models.CharField(_("codes"), max_length=16, choices=CodeSource, default=CodeSource.GENERATED)
    low_stock = models.PositiveIntegerField(_("warn below"), default=100)
    budget = MoneyField(_("budget"), null=True, blank=True)
    reserved = MoneyField(_("reserved"), default=0, editable=False)
    committed = MoneyField(_("committed"), default=0, editable=False)
    redeemed = models.PositiveIntegerField(_("uses"), default=0, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        constraints = [
            models.CheckConstraint(
                condition=Q(value__gt=0) | Q(value=0, type__in=[OfferType.LIMITED_PRICE, OfferType.FREE_SHIPPING]),
                name="offer_value_fits_type",
            ),
            models.CheckConstraint(
                condition=~Q(type__in=[OfferType.PERCENT, OfferType.BUY_X_GET_Y]) | Q(value__lte=100),
                name="offer_percent_le_100",
            ),
            models.CheckConstraint(
                condition=Q(minimum_spend__gte=0, reserved__gte=0, committed__gte=0), name="offer_money_gte_0"
            ),
            models.CheckConstraint(
                condition=Q(budget__isnull=True) | Q(budget__gte=F("reserved") + F("committed")),
                name="offer_budget_kept",
            ),
            models.CheckConstraint(
                condition=Q(total_limit__isnull=True) | Q(total_limit__gte=F("redeemed")), name="offer_limit_kept"
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True) | Q(valid_until__isnull=True) | Q(valid_from__lt=F("valid_until")),
                name="offer_starts_before_it_ends",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OfferUse(models.Model):
    """How often a customer holds or has used coupons of an offer; moved by the statement that takes the coupon."""

    offer = models.ForeignKey(Offer, models.CASCADE, verbose_name=_("offer"), related_name="customer_uses")
    customer = models.ForeignKey(Customer, models.CASCADE, verbose_name=_("customer"), related_name="+")
    uses = models.PositiveIntegerField(_("uses"))

    class Meta:
        verbose_name = _("uses of an offer")
        verbose_name_plural = _("uses of offers")
        constraints = [models.UniqueConstraint(fields=["offer", "customer"], name="one_count_per_offer_and_customer")]

    def __str__(self) -> str:
        return f"{self.customer_id} of offer {self.offer_id}: {self.uses}"


class PoolCode(models.Model):
    """An imported code that nobody has yet: it leaves the pool for the coupon that takes it."""

    offer = models.ForeignKey(Offer, models.CASCADE, verbose_name=_("offer"), related_name="pool")
    code = models.CharField(_("code"), max_length=64, unique=True)
    imported_at = models.DateTimeField(_("imported"), auto_now_add=True)

    class Meta:
        verbose_name = _("code in a pool")
        verbose_name_plural = _("codes in pools")

    def __str__(self) -> str:
        return self.code


class Coupon(models.Model):
    """An offer issued to one customer under one code. `uses` counts open reservations and committed redemptions."""

    code = models.CharField(_("code"), max_length=64)
    # A run issues a million at a time, for offers and customers that its statement reads (see `Recipient`).
    offer = models.ForeignKey(
        Offer, models.PROTECT, verbose_name=_("offer"), related_name="coupons", db_constraint=False
    )
    customer = models.ForeignKey(
        Customer,
        models.CASCADE,
        verbose_name=_("customer"),
        related_name="coupons",
        db_index=False,
        db_constraint=False,
    )
    run = models.ForeignKey(
        "notifications.Run",
        models.PROTECT,
        verbose_name=_("run"),
        null=True,
        blank=True,
        related_name="coupons",
        db_constraint=False,
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
        indexes = [
            models.Index(fields=["valid_until"], name="coupon_open", condition=Q(status=CouponStatus.ISSUED)),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(uses__lte=F("max_uses")), name="coupon_uses_le_max"),
            # One index for the whole code and for its beginning.
            models.UniqueConstraint(fields=["code"], name="coupon_code", opclasses=["varchar_pattern_ops"]),
            models.UniqueConstraint(fields=["customer", "offer", "run"], name="one_coupon_per_run_and_customer"),
        ]

    def __str__(self) -> str:
        return self.code


class Redemption(models.Model):
    """One use of a coupon on one order: reserved, then committed or released.

    `amount` is the discount that stands: `shipping_discount` is the part of it that is off the shipping, and `returned`
    what was taken back for returned goods. `cost` is what stands against the offer's budget: the discount, or the worth
    of a gift or of points. `lines` are those of the order: `{"item_id", "quantity", "amount", "discount", "returned"}`.
    """

    coupon = models.ForeignKey(Coupon, models.PROTECT, verbose_name=_("coupon"), related_name="redemptions")
    order_external_id = models.CharField(_("order"), max_length=255)
    state = models.CharField(_("state"), max_length=16, choices=RedemptionState, default=RedemptionState.RESERVED)
    amount = MoneyField(_("discount"))
    shipping_discount = MoneyField(_("off the shipping"), default=0)
    returned = MoneyField(_("taken back"), default=0)
    cost = MoneyField(_("cost"), default=0)
    points = models.PositiveIntegerField(_("points"), default=0)
    gifts = models.JSONField(_("gifts"), default=list, blank=True)
    lines = models.JSONField(_("lines"), default=list, blank=True)
    order_total = MoneyField(_("order total before it"))
    returned_total = MoneyField(_("returned of it"), default=0)
    cart_hash = models.CharField(max_length=32, blank=True, default="", editable=False)
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
            models.Index(fields=["order_external_id"], name="redemption_of_order"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["coupon", "order_external_id"],
                condition=~Q(state=RedemptionState.RELEASED),
                name="one_redemption_per_coupon_and_order",
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=0, cost__gte=0, returned__gte=0), name="redemption_amount_gte_0"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.coupon_id} on {self.order_external_id}"
