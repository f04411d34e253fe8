from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from users.choices import OrderStatus
from users.models.customer import Customer


class Order(models.Model):
    """A purchase as a whole. Its lines are purchase events. `total` is what was paid, after `discount`.

    `status` and `refunded` follow from its `OrderChange`s. `fingerprint` is a hash of the description that holds.
    """

    external_id = models.CharField(_("shop's id"), max_length=255, unique=True)
    customer = models.ForeignKey(
        Customer, models.CASCADE, verbose_name=_("customer"), related_name="orders", db_index=False
    )
    placed_at = models.DateTimeField(_("placed"))
    status = models.CharField(_("status"), max_length=16, choices=OrderStatus, default=OrderStatus.PLACED)
    total = models.DecimalField(_("total"), max_digits=14, decimal_places=2)
    discount = models.DecimalField(_("discount"), max_digits=14, decimal_places=2, default=0)
    refunded = models.DecimalField(_("refunded"), max_digits=14, decimal_places=2, default=0)
    currency = models.CharField(_("currency"), max_length=3)
    coupon_code = models.CharField(_("coupon"), max_length=64, blank=True, default="")
    described_at = models.DateTimeField(default=timezone.now, editable=False)
    fingerprint = models.CharField(max_length=32, default="", editable=False)
    created_at = models.DateTimeField(_("received"), auto_now_add=True)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        indexes = [
            models.Index(fields=["customer", "placed_at"], name="order_timeline"),
            # Orders of a time are counted and summed by customer from the index alone.
            models.Index(
                fields=["placed_at"],
                include=["customer", "status", "total", "refunded", "currency"],
                name="order_placed",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(total__gte=0, discount__gte=0, refunded__gte=0), name="order_money_gte_0"
            )
        ]

    def __str__(self) -> str:
        return self.external_id


class OrderChange(models.Model):
    """A cancellation or a refund, kept by the order's id, because it may arrive before its order."""

    order_ref = models.CharField(_("order"), max_length=255)
    status = models.CharField(_("status"), max_length=16, choices=OrderStatus)
    amount = models.DecimalField(
        _("amount"), max_digits=14, decimal_places=2, null=True, help_text=_("Empty: the whole order.")
    )
    said_at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("order change")
        verbose_name_plural = _("order changes")
        indexes = [models.Index(fields=["order_ref"], name="order_change_order")]

    def __str__(self) -> str:
        return f"{self.order_ref}: {self.status}"
