"""A worker that dies leaves nothing that is sent twice, and nothing that nobody knows of."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifications.channels.email import smtp as smtp_module
from notifications.choices import CampaignStatus, MessageState, RunStatus
from notifications.delivery.claim import claim_batch
from notifications.delivery.outbox import send_due
from notifications.delivery.reaper import reap_leases
from notifications.delivery.record import Outcome, record_outcomes
from notifications.delivery.resend import NotResendableError, resend_message
from notifications.models import Campaign, Message


def leases_run_out():
    Message.objects.filter(state=MessageState.SENDING).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_kill_between_claim_and_send_leaves_unknown_which_nobody_sends(plan_message, smtp, run):
    for _ in range(3):
        plan_message()
    assert len(claim_batch(run=run).claims) == 3
    assert reap_leases() == 0
    leases_run_out()
    assert reap_leases() == 3
    send_due()
    assert smtp.accepted == []
    assert set(Message.objects.values_list("state", "error_kind")) == {("unknown", "abandoned")}


def test_a_kill_in_the_middle_of_a_batch_records_what_is_known(plan_message, smtp, monkeypatch):
    for _ in range(4):
        plan_message()

    whole = smtp_module.SmtpConnection._answer

    answers = []

    def dies_at_the_second(self):
        if answers:
            raise SystemExit
        answers.append(whole(self))
        return answers[-1]

    monkeypatch.setattr(smtp_module.SmtpConnection, "_answer", dies_at_the_second)
    with pytest.raises(SystemExit):
        send_due()
    monkeypatch.undo()
    states = sorted(Message.objects.values_list("state", flat=True))
    assert {"sent", "unknown"} <= set(states) <= {"planned", "sent", "unknown"}
    send_due()
    assert len(smtp.addresses) == len(set(smtp.addresses))
    assert Message.objects.filter(state="unknown").count() == states.count("unknown")
    assert Message.objects.filter(state="sent").count() == 4 - states.count("unknown")


def test_a_worker_that_outlived_its_lease_still_settles_its_own_attempt(plan_message, run):
    plan_message()
    (claim,) = claim_batch(run=run).claims
    leases_run_out()
    reap_leases()
    record_outcomes([Outcome.sent(claim, subject="x", provider_id="<1@x>")])
    assert Message.objects.get().state == MessageState.SENT


def test_a_late_answer_does_not_touch_a_later_attempt(plan_message, run):
    message = plan_message()
    (claim,) = claim_batch(run=run).claims
    leases_run_out()
    reap_leases()
    resend_message(message_id=message.pk)
    Message.objects.update(attempts=1)
    claim_batch(run=run)
    record_outcomes([Outcome.sent(claim, subject="x", provider_id="<1@x>")])
    assert Message.objects.get().state == MessageState.SENDING


@pytest.mark.parametrize("state", [MessageState.UNKNOWN, MessageState.FAILED])
def test_the_operator_may_send_again_and_the_campaign_opens_for_it(plan_message, smtp, run, state):
    message = plan_message()
    Message.objects.update(state=state, attempts=3, error="lost")
    run.status = RunStatus.COMPLETED
    run.save()
    Campaign.objects.update(status=CampaignStatus.COMPLETED)
    resend_message(message_id=message.pk)
    send_due()
    message.refresh_from_db()
    assert (message.state, message.attempts, message.error) == (MessageState.SENT, 1, "")
    assert len(smtp.accepted) == 1
    assert Campaign.objects.get().status == CampaignStatus.COMPLETED


@pytest.mark.parametrize("state", [MessageState.SENT, MessageState.SENDING, MessageState.CANCELLED])
def test_nothing_else_is_sent_again(plan_message, state):
    message = plan_message()
    Message.objects.update(state=state)
    with pytest.raises(NotResendableError, match="only unknown and failed"):
        resend_message(message_id=message.pk)


def test_nothing_of_a_stopped_campaign_is_sent_again(plan_message):
    message = plan_message()
    Message.objects.update(state=MessageState.UNKNOWN)
    Campaign.objects.update(status=CampaignStatus.STOPPED)
    with pytest.raises(NotResendableError, match="stay as they are"):
        resend_message(message_id=message.pk)
