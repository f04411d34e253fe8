from datetime import time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifications.choices import (
    SCHEDULED_TRIGGERS,
    Clock,
    EnrolmentReason,
    EnrolmentState,
    Misfire,
    StepCondition,
    TriggerKind,
    WaitUnit,
)
from notifications.models.campaign import Campaign
from notifications.models.membership import Tier
from notifications.models.run import Run
from users.choices import EventType
from users.models import Customer


class Trigger(models.Model):
    """When a campaign runs. Without one, and with kind `once`, it runs once at its own time.

    Which columns count depends on `kind`: see `campaigns.triggers.defaults`. `looked_until` is the watermark: what
    happened until then has been seen. `finished_at` is set when nothing will come any more.
    """

    campaign = models.OneToOneField(Campaign, models.CASCADE, related_name="trigger")
    kind = models.CharField(_("when"), max_length=16, choices=TriggerKind, default=TriggerKind.ONCE)

    schedule = models.CharField(
        _("repeats"), max_length=500, blank=True, default="", help_text=_("A cron expression or an RRULE.")
    )
    clock = models.CharField(_("whose clock"), max_length=16, choices=Clock, default=Clock.ZONE)
    time_zone = models.CharField(
        _("time zone"), max_length=64, blank=True, default="", help_text=_("Empty: the shop's.")
    )
    starts_at = models.DateTimeField(_("starts"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends"), null=True, blank=True)
    misfire = models.CharField(_("if its time was missed"), max_length=8, choices=Misfire, default=Misfire.LATE)
    grace = models.PositiveIntegerField(
        _("grace, minutes"),
        default=60,
        help_text=_("How late still counts as in time."),
        validators=[MaxValueValidator(10_080)],
    )

    wait = models.PositiveIntegerField(_("wait"), default=1, validators=[MaxValueValidator(1_000)])
    wait_unit = models.CharField(_("unit"), max_length=8, choices=WaitUnit, default=WaitUnit.HOURS)
    days = models.PositiveSmallIntegerField(_("days"), null=True, blank=True, validators=[MaxValueValidator(3_650)])
    percent = models.PositiveSmallIntegerField(
        _("percent"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(99)]
    )
    brand = models.CharField(_("brand"), max_length=255, blank=True, default="")
    at = models.TimeField(_("at, local time"), default=time(9))
    event_type = models.SmallIntegerField(_("event"), choices=EventType, null=True, blank=True)
    event_name = models.CharField(_("its name"), max_length=255, blank=True, default="")
    previous = models.ForeignKey(
        Campaign,
        models.PROTECT,
        verbose_name=_("step before"),
        null=True,
        blank=True,
        related_name="followers",
    )
    tier = models.ForeignKey(
        Tier,
        models.PROTECT,
        verbose_name=_("tier"),
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Empty: any."),
    )
    condition = models.CharField(_("who goes on"), max_length=16, choices=StepCondition, default=StepCondition.ANY)
    exit_event = models.SmallIntegerField(
        _("leaves by"),
        choices=EventType,
        null=True,
        blank=True,
        default=EventType.PURCHASE,
        help_text=_("Whoever does this meanwhile gets nothing."),
    )
    reentry_days = models.PositiveSmallIntegerField(
        _("again after days"),
        null=True,
        blank=True,
        default=30,
        validators=[MaxValueValidator(3_650)],
        help_text=_("Empty: once ever. 0: every time."),
    )
    useful_hours = models.PositiveIntegerField(
        _("of use for, hours"),
        default=48,
        validators=[MinValueValidator(1), MaxValueValidator(8_760)],
        help_text=_("Whoever is later than this gets nothing."),
    )

    looked_until = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("trigger")
        verbose_name_plural = _("triggers")
        indexes = [
            models.Index(
                fields=["kind"], name="trigger_open", condition=Q(finished_at__isnull=True) & ~Q(kind=TriggerKind.ONCE)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True) | Q(ends_at__isnull=True) | Q(starts_at__lt=models.F("ends_at")),
                name="trigger_starts_before_it_ends",
            )
        ]

    def __str__(self) -> str:
        return f"{self.campaign}: {self.get_kind_display()}"

    @property
    def is_scheduled(self) -> bool:
        """Whether it runs at set times, for everyone in the segment."""
        return self.kind in SCHEDULED_TRIGGERS

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that it names, or the shop's."""
        return ZoneInfo(self.time_zone or settings.TIME_ZONE)

    @property
    def delay(self) -> timedelta:
        """How long after what happened the message is due."""
        return timedelta(**{self.wait_unit: self.wait})


class Enrolment(models.Model):
    """One customer on the way through one triggered campaign, because of one thing that happened at `occurred_at`.

    `items` is what it is about: a list of `{"item": id}`, with `quantity` or the price `was` where there is one.
    `details` holds what else the message may say. A journey is a chain of campaigns; what an enrolment is about goes
    along with its customer.
    """

    campaign = models.ForeignKey(
        Campaign, models.CASCADE, verbose_name=_("campaign"), related_name="enrolments", db_index=False
    )
    customer = models.ForeignKey(Customer, models.CASCADE, verbose_name=_("customer"), related_name="enrolments")
    run = models.ForeignKey(
        Run, models.SET_NULL, verbose_name=_("run"), null=True, related_name="enrolments", db_index=False
    )
    state = models.CharField(_("state"), max_length=8, choices=EnrolmentState, default=EnrolmentState.WAITING)
    reason = models.CharField(_("reason"), max_length=16, choices=EnrolmentReason, blank=True, default="")
    items = models.JSONField(_("items"), default=list)
    details = models.JSONField(_("details"), default=dict)
    occurred_at = models.DateTimeField(_("happened"))
    entered_at = models.DateTimeField(_("noticed"))
    due_at = models.DateTimeField(_("due"))

    class Meta:
        verbose_name = _("enrolment")
        verbose_name_plural = _("enrolments")
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "customer"], condition=Q(state=EnrolmentState.WAITING), name="waits_once"
            )
        ]
        indexes = [
            models.Index(fields=["campaign", "customer", "-occurred_at"], name="enrolment_history"),
            models.Index(
                fields=["campaign", "due_at"], name="enrolment_due", condition=Q(state=EnrolmentState.WAITING)
            ),
            models.Index(fields=["run", "customer"], name="enrolment_of_run", condition=Q(run__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} in campaign {self.campaign_id}: {self.state}"
