"""Training runs, the models they produced, and the stored recommendations and predictions."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models import Item
from recommendations.choices import ModelStage, ShelfKind, TrainingStatus
from users.models import Customer


class TrainingRun(models.Model):
    """One training with its progress and metrics. `metrics` maps each judged architecture to its figures."""

    architecture = models.CharField(_("architecture"), max_length=32)
    config = models.JSONField(_("configuration"), default=dict, blank=True)
    status = models.CharField(_("status"), max_length=16, choices=TrainingStatus, default=TrainingStatus.QUEUED)
    progress = models.FloatField(_("progress"), default=0.0, help_text=_("From 0 to 1."))
    activity = models.CharField(_("doing"), max_length=255, blank=True, default="")
    eta_seconds = models.FloatField(_("seconds left"), null=True, blank=True)
    history = models.JSONField(_("epochs"), default=list, blank=True)
    metrics = models.JSONField(_("metrics"), default=dict, blank=True)
    customers = models.PositiveIntegerField(_("customers"), default=0)
    items = models.PositiveIntegerField(_("items"), default=0)
    interactions = models.PositiveBigIntegerField(_("interactions"), default=0)
    error = models.TextField(_("error"), blank=True, default="")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    heartbeat_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("training run")
        verbose_name_plural = _("training runs")

    def __str__(self) -> str:
        return f"#{self.pk} {self.architecture}"


class ModelVersion(models.Model):
    """The artefact of one architecture from one training, with its figures on the held-out data."""

    training_run = models.ForeignKey(
        TrainingRun, models.PROTECT, verbose_name=_("training run"), related_name="versions"
    )
    architecture = models.CharField(_("architecture"), max_length=32)
    artefact = models.FileField(_("artefact"), upload_to="models/")
    metrics = models.JSONField(_("metrics"), default=dict)
    stage = models.CharField(_("stage"), max_length=16, choices=ModelStage, default=ModelStage.CANDIDATE)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    promoted_at = models.DateTimeField(_("promoted"), null=True, blank=True)
    stale_since = models.DateTimeField(
        _("stale since"),
        null=True,
        blank=True,
        help_text=_("Since then somebody was erased whom it has learnt from; the next training leaves them out."),
    )

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        constraints = [
            models.UniqueConstraint(
                fields=["stage"], condition=models.Q(stage=ModelStage.CHAMPION), name="one_champion"
            ),
            models.UniqueConstraint(fields=["training_run", "architecture"], name="one_version_per_architecture"),
        ]

    def __str__(self) -> str:
        return f"{self.architecture} v{self.pk}"


class Recommendation(models.Model):
    """One row per customer. The arrays have one entry per recommended item, best first.

    `reason_item_ids` holds the item of the customer's own history that explains each recommendation best, or None;
    `bought_before` says whether the customer has bought the item already.
    """

    customer = models.OneToOneField(
        Customer, models.CASCADE, verbose_name=_("customer"), primary_key=True, related_name="recommendation"
    )
    model_version = models.ForeignKey(ModelVersion, models.PROTECT, verbose_name=_("model version"), related_name="+")
    item_ids = ArrayField(models.BigIntegerField(), verbose_name=_("items"))
    scores = ArrayField(models.FloatField(), verbose_name=_("scores"))
    reason_item_ids = ArrayField(models.BigIntegerField(null=True), verbose_name=_("because of"))
    bought_before = ArrayField(models.BooleanField(), verbose_name=_("bought before"), default=list)
    scored_at = models.DateTimeField(_("scored"))

    class Meta:
        verbose_name = _("recommendation")
        verbose_name_plural = _("recommendations")

    def __str__(self) -> str:
        return f"recommendations for {self.customer_id}"


class Prediction(models.Model):
    """One row per customer: what lies ahead, whatever the item. Rewritten by every scoring.

    Probabilities are calibrated, from 0 to 1; None where the shop's history is too short to learn them from.
    """

    customer = models.OneToOneField(
        Customer, models.CASCADE, verbose_name=_("customer"), primary_key=True, related_name="prediction"
    )
    click = models.FloatField(
        _("chance of a visit"), null=True, help_text=_("That an item is viewed or clicked within 30 days.")
    )
    cart = models.FloatField(
        _("chance of a cart"), null=True, help_text=_("That an item is put into the cart within 30 days.")
    )
    purchase = models.FloatField(
        _("chance of a purchase"), null=True, help_text=_("That something is bought within 30 days.")
    )
    churn = models.FloatField(
        _("chance of leaving"), null=True, help_text=_("That nothing at all is heard for 90 days.")
    )
    expected_value = models.DecimalField(
        _("expected value"),
        max_digits=14,
        decimal_places=2,
        null=True,
        help_text=_("Chance of a purchase, times what such a customer's order is worth."),
    )
    currency = models.CharField(_("currency"), max_length=3)
    model_version = models.ForeignKey(ModelVersion, models.PROTECT, verbose_name=_("model version"), related_name="+")
    computed_at = models.DateTimeField(_("computed"))

    class Meta:
        verbose_name = _("prediction")
        verbose_name_plural = _("predictions")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(**{f"{name}__isnull": True}) | models.Q(**{f"{name}__range": (0, 1)}),
                name=f"prediction_{name}_0_to_1",
            )
            for name in ("click", "cart", "purchase", "churn")
        ]

    def __str__(self) -> str:
        return f"predictions for {self.customer_id}"


class ItemLinks(models.Model):
    """What goes with an item, strongest first, as of the last scoring; an item without events has no row.

    `similar_ids` are items that the same customers had, with the cosine of their customers in `similarities`;
    `together_ids` are items of the same orders, with how many times more often than by chance in `lifts` and the number
    of such orders in `orders`. `buyers` counts the customers who bought the item itself.
    """

    item = models.OneToOneField(Item, models.CASCADE, primary_key=True, db_constraint=False, related_name="links")
    similar_ids = ArrayField(models.BigIntegerField())
    similarities = ArrayField(models.FloatField())
    together_ids = ArrayField(models.BigIntegerField())
    lifts = ArrayField(models.FloatField())
    orders = ArrayField(models.PositiveIntegerField())
    buyers = models.PositiveIntegerField()
    computed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"links of {self.item_id}"


class Shelf(models.Model):
    """Items for customers of whom nothing is known, best first: popular in `country` ("" = everywhere), or new."""

    kind = models.CharField(max_length=16, choices=ShelfKind)
    country = models.CharField(max_length=2, blank=True, default="")
    item_ids = ArrayField(models.BigIntegerField())
    buyers = ArrayField(models.PositiveIntegerField())
    computed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "country"], name="one_shelf_each")]

    def __str__(self) -> str:
        return f"{self.kind} {self.country}".strip()
