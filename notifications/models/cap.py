from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from users.choices import Channel


class FrequencyCap(models.Model):
    """At most so many messages to one customer in any so many days: over all, on a channel, or of a campaigns' tag."""

    maximum = models.PositiveSmallIntegerField(_("messages at most"), validators=[MinValueValidator(1)])
    days = models.PositiveSmallIntegerField(
        _("in any … days"), validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    channel = models.CharField(
        _("channel"), max_length=16, choices=Channel, blank=True, default="", help_text=_("Empty: all together.")
    )
    tag = models.CharField(
        _("tag"), max_length=50, blank=True, default="", help_text=_("Only campaigns with this tag. Empty: all.")
    )
    is_active = models.BooleanField(_("switched on"), default=True)

    class Meta:
        verbose_name = _("frequency cap")
        verbose_name_plural = _("frequency caps")
        constraints = [
            models.UniqueConstraint(fields=["channel", "tag", "days"], name="one_cap_per_window"),
            models.CheckConstraint(condition=Q(maximum__gte=1, days__gte=1), name="cap_positive"),
        ]

    def __str__(self) -> str:
        return _("%(maximum)d in %(days)d days") % {"maximum": self.maximum, "days": self.days}
