from django.db import models
from django.utils.translation import gettext_lazy as _


class Segment(models.Model):
    """A rule that selects customers: a JSON tree, checked by `segments.schema`, compiled by `segments.compile`."""

    name = models.CharField(_("name"), max_length=200, unique=True)
    rule = models.JSONField(_("rule"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")

    def __str__(self) -> str:
        return self.name
