from django.db import models
from django.utils.translation import gettext_lazy as _

from users.models.customer import Customer


class Profile(models.Model):
    """One row per customer, computed from events and orders by `users.profiles`. Money is in the shop's currency."""

    customer = models.OneToOneField(Customer, models.CASCADE, primary_key=True, related_name="profile")
    event_count = models.PositiveIntegerField(_("events"), default=0)
    first_event_at = models.DateTimeField(_("first event"), null=True)
    last_event_at = models.DateTimeField(_("last event"), null=True)
    order_count = models.PositiveIntegerField(_("orders"), default=0)
    first_order_at = models.DateTimeField(_("first order"), null=True)
    last_order_at = models.DateTimeField(_("last order"), null=True)
    revenue = models.DecimalField(_("revenue"), max_digits=16, decimal_places=2, default=0)
    average_order_value = models.DecimalField(_("average order"), max_digits=14, decimal_places=2, null=True)
    refreshed_at = models.DateTimeField(_("refreshed"))

    class Meta:
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")
        indexes = [models.Index(fields=["last_order_at"], name="profile_last_order")]

    def __str__(self) -> str:
        return f"profile of {self.customer_id}"
