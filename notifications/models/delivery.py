from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifications.choices import MessageState
from notifications.models.run import Recipient, Run
from users.choices import Channel
from users.models import Customer


class Message(models.Model):
    """One delivery of one recipient on one channel: the outbox.

    `lease_until` is set while a worker holds it; a message still `sending` after its lease becomes `unknown`.
    """

    # All three come from the statement that writes the recipient.
    recipient = models.ForeignKey(
        Recipient, models.CASCADE, related_name="messages", db_index=False, db_constraint=False
    )
    run = models.ForeignKey(
        Run, models.PROTECT, verbose_name=_("run"), related_name="messages", db_index=False, db_constraint=False
    )
    customer = models.ForeignKey(
        Customer,
        models.CASCADE,
        verbose_name=_("customer"),
        related_name="messages",
        db_index=False,
        db_constraint=False,
    )
    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    state = models.CharField(_("state"), max_length=16, choices=MessageState, default=MessageState.PLANNED)
    due_at = models.DateTimeField(_("due"))
    useful_until = models.DateTimeField(_("of use until"), null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    lease_until = models.DateTimeField(null=True, editable=False)
    sent_at = models.DateTimeField(_("sent"), null=True)
    subject = models.CharField(_("subject"), max_length=998, blank=True, default="")
    provider_id = models.CharField(_("Message-ID"), max_length=255, blank=True, default="")
    error_kind = models.CharField(_("kind of error"), max_length=32, blank=True, default="")
    error = models.TextField(_("error"), blank=True, default="")
    first_clicked_at = models.DateTimeField(_("clicked"), null=True)
    first_opened_at = models.DateTimeField(_("opened"), null=True)
    machine_opened_at = models.DateTimeField(_("opened by a machine"), null=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [models.UniqueConstraint(fields=["recipient", "channel"], name="one_message_per_recipient")]
        indexes = [
            models.Index(fields=["lease_until"], name="message_leased", condition=Q(state=MessageState.SENDING)),
            models.Index(fields=["run", "state", "due_at", "id"], name="message_due"),
            models.Index(
                fields=["id"],
                name="message_needs_attention",
                condition=Q(state__in=[MessageState.FAILED, MessageState.UNKNOWN]),
            ),
            models.Index(fields=["customer", "-sent_at"], name="message_of_customer"),
        ]

    def __str__(self) -> str:
        return f"message {self.pk} ({self.state})"


class Link(models.Model):
    """A destination used in the messages of a run. Stored here, so that a click link cannot redirect anywhere else."""

    run = models.ForeignKey(Run, models.CASCADE, verbose_name=_("run"), related_name="links", db_index=False)
    url = models.URLField(_("destination"), max_length=1000)
    item_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("link")
        verbose_name_plural = _("links")
        constraints = [models.UniqueConstraint(fields=["run", "url"], name="one_link_per_run_and_url")]

    def __str__(self) -> str:
        return self.url


class Click(models.Model):
    """One request of a click link. A person's first one per message and link also becomes an event of the customer."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="clicks")
    link = models.ForeignKey(Link, models.CASCADE, related_name="+")
    clicked_at = models.DateTimeField(_("time"))
    user_agent = models.CharField(_("user agent"), max_length=255, blank=True, default="")
    machine = models.CharField(
        _("machine"), max_length=16, blank=True, default="", help_text=_("The sign of a machine; empty for a person.")
    )

    class Meta:
        verbose_name = _("click")
        verbose_name_plural = _("clicks")

    def __str__(self) -> str:
        return f"click on {self.link_id} from message {self.message_id}"


class Suppression(models.Model):
    """An address that must not be written to on a channel, whoever it belongs to. Only its keyed hash is kept."""

    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    address_hash = models.CharField(max_length=64)
    reason = models.CharField(_("reason"), max_length=64)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = _("suppressed address")
        verbose_name_plural = _("suppressed addresses")
        constraints = [models.UniqueConstraint(fields=["channel", "address_hash"], name="suppressed_once")]

    def __str__(self) -> str:
        return f"{self.channel} {self.address_hash[:8]}…: {self.reason}"
