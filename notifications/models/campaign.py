import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from notifications.choices import CampaignStatus, ItemChoice
from notifications.models.offer import Offer
from notifications.models.segment import Segment
from users.choices import Channel


class Campaign(models.Model):
    """Who (segment) gets what (offer, content) and when, and how many are held out to measure it."""

    name = models.CharField(_("name"), max_length=200, unique=True)
    status = models.CharField(_("status"), max_length=16, choices=CampaignStatus, default=CampaignStatus.DRAFT)
    segment = models.ForeignKey(Segment, models.PROTECT, verbose_name=_("segment"), related_name="campaigns")
    offer = models.ForeignKey(
        Offer, models.PROTECT, verbose_name=_("offer"), null=True, blank=True, related_name="campaigns"
    )
    channel = models.CharField(_("channel"), max_length=16, choices=Channel, default=Channel.EMAIL)
    hold_out_percent = models.DecimalField(
        _("hold-out"),
        max_digits=5,
        decimal_places=2,
        default=10,
        validators=[MinValueValidator(0), MaxValueValidator(50)],
        help_text=_("Percent of the audience that gets nothing, so that the effect can be measured."),
    )
    hold_out_seed = models.UUIDField(default=uuid.uuid4, editable=False)
    item_count = models.PositiveSmallIntegerField(_("recommended items"), default=4, validators=[MaxValueValidator(20)])
    item_choice = models.CharField(_("which items"), max_length=8, choices=ItemChoice, default=ItemChoice.NEW)
    attribution_days = models.PositiveSmallIntegerField(_("attribution window, days"), default=14)
    scheduled_at = models.DateTimeField(_("send at"), null=True, blank=True)
    useful_hours = models.PositiveSmallIntegerField(
        _("of use for, hours"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("What could not be sent this long after its time is dropped. Empty: it never comes too late."),
    )
    tags = ArrayField(
        models.CharField(max_length=50),
        verbose_name=_("tags"),
        default=list,
        blank=True,
        help_text=_("Separated by commas. Frequency caps can count the campaigns of a tag, such as “newsletter”."),
    )
    is_simulated = models.BooleanField(
        _("simulated"), default=False, help_text=_("Its shoppers are simulated; every report says so.")
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        permissions = [
            ("send_campaign", _("Can launch, pause, resume and stop campaigns")),
            ("approve_message", _("Can approve the message of a campaign")),
            ("approve_audience", _("Can approve the audience of a campaign")),
            ("approve_offer", _("Can approve the offer of a campaign")),
            ("approve_whole", _("Can give the second approval of a large campaign")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(hold_out_percent__gte=0, hold_out_percent__lte=50), name="campaign_hold_out_range"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Variant(models.Model):
    """One version of a campaign's message. Customers are split over the variants of their language by `weight`."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="variants")
    name = models.CharField(_("name"), max_length=50, default="A")
    language = models.CharField(_("language"), max_length=16, blank=True, default="", help_text=_("Empty: any."))
    weight = models.PositiveSmallIntegerField(_("weight"), default=1, validators=[MinValueValidator(1)])
    subject = models.CharField(_("subject"), max_length=255)
    preview_text = models.CharField(_("preview text"), max_length=255, blank=True, default="")
    html = models.TextField(_("HTML"), blank=True, default="", help_text=_("A Liquid template."))
    body = models.TextField(
        _("text"), blank=True, default="", help_text=_("A line or two below the title; a Liquid template.")
    )
    url = models.URLField(
        _("leads to"), max_length=1000, blank=True, default="", help_text=_("Empty: the first recommended item.")
    )

    class Meta:
        verbose_name = _("variant")
        verbose_name_plural = _("variants")
        constraints = [models.UniqueConstraint(fields=["campaign", "name", "language"], name="variant_name")]

    def __str__(self) -> str:
        return f"{self.name} {self.language}".strip()

    @property
    def is_mail(self) -> bool:
        """Whether its HTML is sent; on other channels it is the title and the text."""
        return self.campaign.channel == Channel.EMAIL

    def parts(self) -> dict[str, str]:
        """What `content` checks and compiles: the text of a notice stands where a mail has its preview text."""
        if self.is_mail:
            return {"subject": self.subject, "html": self.html, "preview_text": self.preview_text}
        return {"subject": self.subject, "html": "", "preview_text": self.body}

    @property
    def says_points(self) -> bool:
        """Whether any of its parts mentions points; may be true without need."""
        return any("points" in part for part in self.parts().values())

    def missing_part(self) -> str:
        """The field that its channel needs and that is empty, or nothing."""
        name = "html" if self.is_mail else "body"
        return "" if getattr(self, name).strip() else name
