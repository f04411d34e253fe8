from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from users.choices import LifecycleStage, ProfileMeasure
from users.models.customer import Customer


class Profile(models.Model):
    """One row per customer, computed from events and orders by `users.profiles`, which defines every column.

    Money is in the shop's currency. Quintiles and the price band are 1 (lowest) to 5; None where there is no order.
    Favourites are the shop's ids of categories, and brands, best first; beside each stands its share of all interest.
    Hours and weekdays (Monday first) count events in the customer's local time; both are empty without events.
    `recent_items` are ids of items, newest first; beside each stands when it was met.
    """

    # Checking the reference of every row costs more than storing it; refreshes drop the rows of absent customers.
    customer = models.OneToOneField(
        Customer, models.CASCADE, primary_key=True, related_name="profile", db_constraint=False
    )
    event_count = models.PositiveIntegerField(_("events"), default=0)
    first_event_at = models.DateTimeField(_("first event"), null=True)
    last_event_at = models.DateTimeField(_("last event"), null=True)
    order_count = models.PositiveIntegerField(_("orders"), default=0)
    first_order_at = models.DateTimeField(_("first order"), null=True)
    last_order_at = models.DateTimeField(_("last order"), null=True)
    revenue = models.DecimalField(_("revenue"), max_digits=16, decimal_places=2, default=0)
    average_order_value = models.DecimalField(_("average order"), max_digits=14, decimal_places=2, null=True)
    lifecycle = models.CharField(_("lifecycle stage"), max_length=16, choices=LifecycleStage, blank=True, default="")
    recency_quintile = models.PositiveSmallIntegerField(_("recency"), null=True)
    frequency_quintile = models.PositiveSmallIntegerField(_("frequency"), null=True)
    monetary_quintile = models.PositiveSmallIntegerField(_("spend"), null=True)
    price_band = models.PositiveSmallIntegerField(_("price band"), null=True)
    discount_affinity = models.FloatField(_("discount affinity"), null=True)
    favourite_categories = ArrayField(
        models.CharField(max_length=255), default=list, verbose_name=_("favourite categories")
    )
    category_weights = ArrayField(models.FloatField(), default=list)
    favourite_brands = ArrayField(models.CharField(max_length=255), default=list, verbose_name=_("favourite brands"))
    brand_weights = ArrayField(models.FloatField(), default=list)
    active_hours = ArrayField(models.PositiveIntegerField(), default=list, verbose_name=_("active hours"))
    active_weekdays = ArrayField(models.PositiveIntegerField(), default=list, verbose_name=_("active weekdays"))
    device = models.CharField(_("device"), max_length=16, blank=True, default="")
    session_count = models.PositiveIntegerField(_("sessions"), default=0)
    recent_items = ArrayField(models.BigIntegerField(), default=list)
    recent_times = ArrayField(models.DateTimeField(), default=list)
    refreshed_at = models.DateTimeField(_("refreshed"))

    class Meta:
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")
        indexes = [models.Index(fields=["last_order_at"], name="profile_last_order")]

    def __str__(self) -> str:
        return f"profile of {self.customer_id}"


class ProfileBounds(models.Model):
    """The four bounds between the five fifths of a measure: of all customers, or of the prices of one category.

    `category` None is for all; times are Unix seconds. Every refresh of a profile uses the same bounds.
    """

    measure = models.CharField(max_length=16, choices=ProfileMeasure)
    category = models.ForeignKey("catalog.Category", models.CASCADE, null=True, related_name="+")
    bounds = ArrayField(models.FloatField(), size=4)
    computed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["measure", "category"], name="profile_bounds_key", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        return f"{self.measure} {self.category_id or ''}: {self.bounds}"


class ProfileDue(models.Model):
    """A mark that a customer's profile is to be computed again. The database's triggers add it with the change itself.

    Marks are only ever added and claimed, so that writers never wait for each other; one customer may have many.
    """

    customer_id = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.customer_id)
