from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifications.choices import FeedbackKind
from notifications.models.delivery import Message
from users.choices import Channel
from users.models import Customer


class Feedback(models.Model):
    """What a receiver said after a message was accepted: it bounced, or its reader complained.

    `key` makes a report that comes twice count once. `status` is the enhanced code of RFC 3463, where one was given.
    """

    kind = models.CharField(_("kind"), max_length=16, choices=FeedbackKind)
    channel = models.CharField(_("channel"), max_length=16, choices=Channel, default=Channel.EMAIL)
    customer = models.ForeignKey(
        Customer, models.CASCADE, verbose_name=_("customer"), null=True, related_name="feedback"
    )
    message = models.ForeignKey(Message, models.SET_NULL, null=True, related_name="feedback")
    domain = models.CharField(_("domain"), max_length=255, blank=True, default="")
    status = models.CharField(_("status"), max_length=16, blank=True, default="")
    detail = models.TextField(_("detail"), blank=True, default="")
    source = models.CharField(_("source"), max_length=32)
    key = models.CharField(max_length=64, unique=True)
    occurred_at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("bounce or complaint")
        verbose_name_plural = _("bounces and complaints")
        indexes = [
            models.Index(fields=["occurred_at"], name="feedback_time"),
            models.Index(
                fields=["customer", "occurred_at"], name="feedback_soft", condition=Q(kind=FeedbackKind.SOFT_BOUNCE)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.domain}"


class DomainDay(models.Model):
    """How many mails were handed over to the mailboxes of one domain on one day (UTC)."""

    day = models.DateField(_("day"))
    domain = models.CharField(_("domain"), max_length=255)
    sent = models.PositiveBigIntegerField(_("sent"), default=0)

    class Meta:
        verbose_name = _("mails to a domain")
        verbose_name_plural = _("mails by domain")
        constraints = [models.UniqueConstraint(fields=["day", "domain"], name="one_row_per_day_and_domain")]

    def __str__(self) -> str:
        return f"{self.domain} on {self.day}: {self.sent}"
