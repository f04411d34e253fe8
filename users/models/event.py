from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models import Item
from users.choices import EventType, Suspicion
from users.models.customer import Customer


class EventKey(models.Model):
    """The ledger of message ids: a row here means that the event was counted.

    It stands apart from `Event` because that table is partitioned by `occurred_at`, and a retry may carry another
    corrected time. Non-UUID message ids are turned into UUIDs by `users.ingestion`.
    """

    message_id = models.UUIDField(primary_key=True)
    occurred_at = models.DateTimeField()

    class Meta:
        indexes = [BrinIndex(fields=["occurred_at"], name="eventkey_time", autosummarize=True)]

    def __str__(self) -> str:
        return str(self.message_id)


class Event(models.Model):
    """Customer x item x type x time. The big table: monthly range partitions by `occurred_at`.

    Its primary key in the database is (customer_id, occurred_at, id), which also serves a customer's timeline; Django
    sees `id`. References are not enforced per row: ingestion resolves them in the same statement, and erasure and
    merging rewrite them set-based. `price` is per unit, in `currency`. Where `suspect` is above 0, the
    event is left out of profiles and training.
    """

    id = models.BigAutoField(primary_key=True)
    message_id = models.UUIDField()
    customer = models.ForeignKey(
        Customer,
        models.DO_NOTHING,
        verbose_name=_("customer"),
        db_constraint=False,
        db_index=False,
        related_name="events",
    )
    item = models.ForeignKey(
        Item,
        models.DO_NOTHING,
        verbose_name=_("item"),
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="events",
    )
    type = models.SmallIntegerField(_("type"), choices=EventType)
    occurred_at = models.DateTimeField(_("time"))
    received_at = models.DateTimeField(_("received"))
    order = models.ForeignKey(
        "users.Order",
        models.DO_NOTHING,
        verbose_name=_("order"),
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="lines",
    )
    quantity = models.IntegerField(_("quantity"), null=True)
    price = models.DecimalField(_("price"), max_digits=12, decimal_places=2, null=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="")
    value = models.FloatField(_("value"), null=True, help_text=_("The stars of a rating."))
    context = models.JSONField(_("context"), null=True)
    suspect = models.SmallIntegerField(_("suspicion"), choices=Suspicion, null=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")

    def __str__(self) -> str:
        return f"{self.get_type_display()} {self.occurred_at:%Y-%m-%d %H:%M}"
