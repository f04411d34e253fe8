from django.db import models
from django.utils.translation import gettext_lazy as _


class QualityCount(models.Model):
    """How many rows a source lost or had corrected on one day, by reason."""

    day = models.DateField(_("day"))
    source = models.CharField(_("source"), max_length=64)
    reason = models.CharField(_("reason"), max_length=64)
    rows = models.PositiveBigIntegerField(_("rows"))

    class Meta:
        verbose_name = _("data quality count")
        verbose_name_plural = _("data quality")
        constraints = [models.UniqueConstraint(fields=["day", "source", "reason"], name="quality_count_key")]

    def __str__(self) -> str:
        return f"{self.day} {self.source} {self.reason}: {self.rows}"


class QualitySample(models.Model):
    """One of the newest rows that a reason was counted for. Nothing personal: see `users.ingestion.cleaning.samples`.

    `slot` numbers the places of a ring, so that a day, source and reason never keep more than 20.
    """

    day = models.DateField(_("day"))
    source = models.CharField(_("source"), max_length=64)
    reason = models.CharField(_("reason"), max_length=64)
    slot = models.PositiveSmallIntegerField(_("place"))
    reference = models.CharField(_("row"), max_length=255, blank=True)
    value = models.CharField(_("what was wrong"), max_length=255, blank=True)
    noted_at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("example")
        verbose_name_plural = _("examples")
        constraints = [models.UniqueConstraint(fields=["day", "source", "reason", "slot"], name="quality_sample_key")]

    def __str__(self) -> str:
        return f"{self.reason} {self.reference}"


class IntakeCount(models.Model):
    """How many rows a source brought in on one day: what the losses are a share of. `shard` spreads the writers."""

    day = models.DateField(_("day"))
    source = models.CharField(_("source"), max_length=64)
    shard = models.PositiveSmallIntegerField(_("place"))
    rows = models.PositiveBigIntegerField(_("rows"))

    class Meta:
        verbose_name = _("intake count")
        verbose_name_plural = _("intake counts")
        constraints = [models.UniqueConstraint(fields=["day", "source", "shard"], name="intake_count_key")]

    def __str__(self) -> str:
        return f"{self.day} {self.source}: {self.rows}"
