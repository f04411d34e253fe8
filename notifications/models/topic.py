from django.db import models
from django.utils.translation import gettext_lazy as _

from users.models import Customer


class Topic(models.Model):
    """What campaigns of one tag are about, in the customer's words; whoever does not want it still gets the others.

    `names` holds the name by language, `name` is what every other language reads.
    """

    tag = models.CharField(
        _("tag"), max_length=50, unique=True, help_text=_("Campaigns with this tag are about the topic.")
    )
    name = models.CharField(_("name"), max_length=100, help_text=_("What customers read in their preferences."))
    names = models.JSONField(_("names in other languages"), default=dict, blank=True)
    place = models.PositiveSmallIntegerField(_("position"), default=0, help_text=_("The smallest is on top."))

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        ordering = ("place", "id")

    def __str__(self) -> str:
        return self.name

    def name_in(self, language: str) -> str:
        """The name in `language`, or in the language that it is a variety of."""
        spoken = language.lower()
        found: str = self.names.get(spoken) or self.names.get(spoken.partition("-")[0]) or self.name
        return found


class TopicRefusal(models.Model):
    """A customer does not want a topic. Merged customers keep theirs, and it holds for whom they were merged into."""

    topic = models.ForeignKey(Topic, models.CASCADE, related_name="refusals")
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="topic_refusals", db_index=False)
    source = models.CharField(_("source"), max_length=255)
    refused_at = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = _("refused topic")
        verbose_name_plural = _("refused topics")
        constraints = [models.UniqueConstraint(fields=["customer", "topic"], name="topic_refused_once")]

    def __str__(self) -> str:
        return f"{self.customer_id} does not want {self.topic_id}"
