from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from users.models import Customer


class InboxMessage(models.Model):
    """A message in a customer's list inside the shop's pages or app, until it expires or is dismissed."""

    message = models.OneToOneField("notifications.Message", models.CASCADE, related_name="inbox_message")
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="inbox_messages", db_index=False)
    title = models.CharField(_("title"), max_length=200)
    body = models.TextField(_("text"))
    url = models.CharField(max_length=2000)
    image_url = models.CharField(max_length=2000, blank=True, default="")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("expires"))
    read_at = models.DateTimeField(_("read"), null=True)
    dismissed_at = models.DateTimeField(_("dismissed"), null=True)

    class Meta:
        verbose_name = _("inbox message")
        verbose_name_plural = _("inbox messages")
        indexes = [
            models.Index(fields=["customer", "-id"], name="inbox_of_customer", condition=Q(dismissed_at=None)),
        ]

    def __str__(self) -> str:
        return f"inbox message {self.pk} of {self.customer_id}"
