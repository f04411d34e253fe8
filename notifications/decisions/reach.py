"""Whether a customer may and can be written to. One SQL expression, used by the preview, the plan and the outbox.

The address is checked before the consent: whoever has no address is counted as such.
"""

from collections.abc import Sequence

from notifications.channels import channels
from notifications.choices import SuppressionReason
from notifications.decisions.caps import capped_sql
from notifications.models import FrequencyCap
from users.choices import ConsentPurpose


def refusal_sql(*, customer: str, at: str = "now()", caps: Sequence[FrequencyCap] = ()) -> str:
    """The `SuppressionReason` that keeps the customer in table alias `customer` from a message at `at`, or NULL.

    Binds `channel`, `tags` (of the campaign) and `cap_parameters`. The newest row of the consent ledger holds; without
    any there is no consent.
    """
    return f"""CASE
        WHEN {customer}.erased_at IS NOT NULL OR {customer}.merged_into_id IS NOT NULL OR {_unreachable(customer)}
            THEN '{SuppressionReason.NO_ADDRESS}'
        WHEN NOT coalesce((
            SELECT consent.granted FROM users_consent consent
            WHERE consent.customer_id = {customer}.id AND consent.channel = %(channel)s
                AND consent.purpose = '{ConsentPurpose.MARKETING}'
            ORDER BY consent.recorded_at DESC, consent.id DESC LIMIT 1
        ), false) THEN '{SuppressionReason.NO_CONSENT}'
        WHEN EXISTS (
            SELECT 1 FROM notifications_suppression suppression
            WHERE suppression.channel = %(channel)s AND suppression.address_hash = {customer}.email_hash
        ) THEN '{SuppressionReason.SUPPRESSED_ADDRESS}'
        WHEN EXISTS (
            SELECT 1 FROM notifications_topic topic
            JOIN notifications_topicrefusal refused ON refused.topic_id = topic.id
            WHERE topic.tag = ANY(%(tags)s::varchar[]) AND refused.customer_id IN (
                SELECT {customer}.id UNION ALL
                SELECT merged.id FROM users_customer merged WHERE merged.merged_into_id = {customer}.id)
        ) THEN '{SuppressionReason.TOPIC_REFUSED}'
        WHEN {capped_sql(caps, customer=f"{customer}.id", at=at)} THEN '{SuppressionReason.FREQUENCY_CAP}'
    END"""


def _unreachable(customer: str) -> str:
    """Whether the customer has no address on the bound channel; each channel knows best where its addresses are."""
    cases = (
        f"WHEN '{name}' THEN {channel.unreachable.format(customer=customer)}" for name, channel in channels().items()
    )
    return f"CASE %(channel)s {' '.join(cases)} ELSE true END"
