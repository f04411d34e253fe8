from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from notifications.choices import CampaignPart, ChangeKind
from notifications.models.campaign import Campaign


class Approval(models.Model):
    """Somebody's consent to one part of a campaign, as it stood: `content` is what was looked at.

    It holds for as long as that part of the campaign is still the same, whoever changes it and wherever.
    `recipients` is how many would have received it then.
    """

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="approvals")
    part = models.CharField(_("part"), max_length=16, choices=CampaignPart)
    content = models.JSONField()
    recipients = models.PositiveIntegerField(_("recipients"))
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, verbose_name=_("approved by"), related_name="+"
    )
    approved_at = models.DateTimeField(_("approved"))

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        constraints = [models.UniqueConstraint(fields=["campaign", "part"], name="one_approval_per_part")]

    def __str__(self) -> str:
        return f"{self.campaign}: {self.part}"


class CampaignChange(models.Model):
    """One line of a campaign's history. `content` is every part of the campaign after it; `user` is empty for the API
    and for what happened by itself.
    """

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=16, choices=ChangeKind)
    part = models.CharField(max_length=16, choices=CampaignPart, blank=True, default="")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    changed_at = models.DateTimeField(auto_now_add=True)
    content = models.JSONField()

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")

    def __str__(self) -> str:
        return f"{self.campaign}: {self.kind}"
