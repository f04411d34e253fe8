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
        verbose_name_plural = _("data quality counts")
        constraints = [models.UniqueConstraint(fields=["day", "source", "reason"], name="quality_count_key")]

    def __str__(self) -> str:
        return f"{self.day} {self.source} {self.reason}: {self.rows}"
