"""Topics that customers want or not, apart from the channels on which they agreed to hear of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from notifications.choices import MessageState, SuppressionReason
from notifications.models import Message, Topic, TopicRefusal
from users.models import Customer

PREFIX = "topic:"


@dataclass(frozen=True)
class TopicChoice:
    """One line of the preference centre."""

    topic: Topic
    granted: bool

    @property
    def key(self) -> str:
        """Its name in the form."""
        return f"{PREFIX}{self.topic.pk}"

    @property
    def label(self) -> str:
        """What the customer reads, in the language that is active."""
        return self.topic.name_in(get_language() or "")


def topic_choices(*, customer: Customer) -> list[TopicChoice]:
    """All topics in their order, with what the customer wants of them; each is wanted until it is refused."""
    refused = set(_refusals(customer).values_list("topic", flat=True))
    return [TopicChoice(topic, topic.pk not in refused) for topic in Topic.objects.all()]


def set_topics(*, customer: Customer, wanted: Mapping[str, bool], source: str) -> None:
    """Let hold what the customer wants, by key, and cancel what is planned of the topics that are refused now."""
    for choice in topic_choices(customer=customer):
        wish = wanted.get(choice.key, choice.granted)
        if wish == choice.granted:
            continue
        if wish:
            _refusals(customer).filter(topic=choice.topic).delete()
            continue
        TopicRefusal.objects.get_or_create(customer=customer, topic=choice.topic, defaults={"source": source})
        Message.objects.filter(
            customer=customer, state=MessageState.PLANNED, run__campaign__tags__contains=[choice.topic.tag]
        ).update(
            state=MessageState.CANCELLED,
            error_kind=SuppressionReason.TOPIC_REFUSED,
            error=_("The customer does not want “%(topic)s”.") % {"topic": choice.topic.name},
        )


def _refusals(customer: Customer) -> QuerySet[TopicRefusal]:
    return TopicRefusal.objects.filter(Q(customer=customer) | Q(customer__merged_into=customer))
