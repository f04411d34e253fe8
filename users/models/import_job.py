from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from users.choices import ImportKind, ImportState


class ImportJob(models.Model):
    """A file that staff uploaded, how to read it, and how far its check or its import has come.

    Progress is saved in the transaction of each batch, so that a job whose worker was killed goes on behind the last
    batch that is stored. `users.importing.jobs` holds the legal moves between states.
    """

    kind = models.CharField(_("what it holds"), max_length=16, choices=ImportKind)
    file = models.FileField(_("file"), upload_to="imports/", max_length=255)
    file_name = models.CharField(_("file"), max_length=255)
    size = models.PositiveBigIntegerField(_("bytes"))
    encoding = models.CharField(_("encoding"), max_length=32, default="utf-8-sig")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    columns = models.JSONField(_("columns"), default=dict, blank=True)
    constants = models.JSONField(_("the same for every row"), default=dict, blank=True)
    state = models.CharField(_("state"), max_length=16, choices=ImportState, default=ImportState.DRAFT)
    is_check = models.BooleanField(_("check only"), default=True)
    attempt = models.PositiveSmallIntegerField(_("attempts"), default=0)
    share = models.FloatField(_("progress"), default=0.0, help_text=_("From 0 to 1."))
    rows = models.PositiveBigIntegerField(_("rows"), default=0)
    accepted = models.PositiveBigIntegerField(_("taken"), default=0)
    duplicates = models.PositiveBigIntegerField(_("known already"), default=0)
    refused = models.JSONField(_("refused"), default=dict, blank=True)
    ignored_columns = models.JSONField(_("unused columns"), default=list, blank=True)
    error = models.TextField(_("error"), blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("by"), null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("uploaded"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True)
    heartbeat_at = models.DateTimeField(_("last sign of life"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        indexes = [
            models.Index(
                fields=["heartbeat_at"],
                name="import_job_open",
                condition=models.Q(state__in=[ImportState.QUEUED, ImportState.RUNNING]),
            )
        ]

    def __str__(self) -> str:
        return self.file_name
