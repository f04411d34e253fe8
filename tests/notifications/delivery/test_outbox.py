import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from notifications.campaigns.lifecycle import pause_campaign, resume_campaign, stop_campaign
from notifications.choices import CampaignStatus, MessageState, RunStatus
from notifications.delivery import outbox
from notifications.delivery.breaker import resting
from notifications.delivery.claim import claim_batch
from notifications.delivery.outbox import send_due
from notifications.listening.tokens import read_click, read_unsubscribe
from notifications.models import Link, Message, Suppression
from tests.factories import CampaignFactory, ConsentFactory, RunFactory, VariantFactory
from users.models import Customer


def test_a_mail_says_what_was_decided_and_is_recorded(plan_message, smtp):
    message = plan_message()
    assert send_due() is False
    message.refresh_from_db()
    mail = smtp.mail()
    assert (message.state, message.attempts, message.subject) == (MessageState.SENT, 1, "For Zoë")
    assert message.sent_at is not None
    assert message.lease_until is None
    assert mail["Subject"] == "For Zoë"
    assert mail["To"] == message.customer.email
    assert mail["Message-ID"] == message.provider_id
    html = mail.get_body(("html",)).get_content()
    item = message.run.links.get(item_id=message.recipient.item_ids[0])
    for expected in (message.recipient.coupon.code, "Hello Zoë", "Item "):
        assert expected in html
    tokens = [part.split('"')[0] for part in html.split("http://testserver/t/c/")[1:]]
    assert {read_click(token) for token in tokens} == {
        (message.pk, item.pk),
        (message.pk, Link.objects.get(item_id=None).pk),
    }
    token = mail["List-Unsubscribe"].removeprefix("<http://testserver/u/").removesuffix("/>")
    assert read_unsubscribe(token).customer_id == message.customer_id
    assert token in html


def test_a_run_completes_with_its_last_message(plan_message, smtp, run):
    for _ in range(3):
        plan_message()
    send_due()
    run.refresh_from_db()
    assert (run.status, run.campaign.status) == (RunStatus.COMPLETED, CampaignStatus.COMPLETED)


def test_consent_and_suppression_are_checked_again_when_a_message_is_claimed(plan_message, smtp, states):
    withdrawn, suppressed, erased, fine = (plan_message() for _ in range(4))
    ConsentFactory(customer=withdrawn.customer, granted=False, recorded_at=timezone.now())
    Suppression.objects.create(channel="email", address_hash=suppressed.customer.email_hash, reason="complaint")
    Customer.objects.filter(pk=erased.customer_id).update(erased_at=timezone.now())
    send_due()
    assert smtp.addresses == [fine.customer.email]
    kinds = dict(Message.objects.filter(state=MessageState.CANCELLED).values_list("pk", "error_kind"))
    assert kinds == {withdrawn.pk: "no_consent", suppressed.pk: "suppressed_address", erased.pk: "no_address"}


def test_nothing_goes_out_before_its_time_or_while_the_campaign_rests(plan_message, smtp, run):
    message = plan_message()
    Message.objects.update(due_at=timezone.now() + timedelta(hours=1))
    send_due()
    Message.objects.update(due_at=timezone.now())
    pause_campaign(campaign=run.campaign)
    send_due()
    assert claim_batch(run=run).claims == []
    assert smtp.accepted == []
    resume_campaign(campaign=run.campaign)
    send_due()
    assert smtp.addresses == [message.customer.email]


@pytest.mark.parametrize(("move", "left"), [(pause_campaign, "planned"), (stop_campaign, "cancelled")])
def test_a_batch_under_way_stops_when_the_campaign_does(plan_message, smtp, run, monkeypatch, move, left):
    for _ in range(6):
        plan_message()
    monkeypatch.setattr(outbox, "LOOK_UP_SECONDS", 0)

    def on_second_mail(address):
        if len(smtp.accepted) == 2:
            worker = threading.Thread(target=lambda: (move(campaign=run.campaign), connection.close()))
            worker.start()
            worker.join()

    smtp.on_data = on_second_mail
    send_due()
    sent = len(smtp.accepted)
    assert 2 <= sent <= 4  # two were on their way
    assert sorted(Message.objects.values_list("state", "attempts")) == sorted(
        [("sent", 1)] * sent + [(left, 0)] * (6 - sent)
    )


def test_each_failure_is_handled_by_its_kind_and_stops_nobody_else(plan_message, smtp, states, due_again):
    messages = {name: plan_message(email=f"{name}@example.com") for name in ("busy", "gone", "policy", "lost", "fine")}
    smtp.at_recipient = {
        "busy@example.com": "450 4.2.1 busy",
        "gone@example.com": "550 5.1.1 no such user",
        "policy@example.com": "550 5.7.1 blocked",
    }
    smtp.after_data = {"lost@example.com": "drop"}
    send_due()
    assert states() == {
        "busy@example.com": "planned",
        "gone@example.com": "failed",
        "policy@example.com": "failed",
        "lost@example.com": "unknown",
        "fine@example.com": "sent",
    }
    kinds = {name: Message.objects.get(pk=message.pk).error_kind for name, message in messages.items()}
    assert kinds == {
        "busy": "transient", "gone": "bad_address", "policy": "permanent", "lost": "outcome_unknown", "fine": "",
    }  # fmt: skip
    assert list(Suppression.objects.values_list("address_hash", "reason")) == [
        (messages["gone"].customer.email_hash, "bad_address")
    ]
    busy = Message.objects.get(pk=messages["busy"].pk)
    assert busy.due_at > timezone.now() + timedelta(seconds=50)
    smtp.at_recipient.clear()
    smtp.after_data.clear()
    due_again()
    send_due()
    assert smtp.addresses.count("busy@example.com") == smtp.addresses.count("lost@example.com") == 1
    assert states()["busy@example.com"] == "sent"
    assert states()["lost@example.com"] == "unknown"


def test_transient_failures_end_after_many_attempts(plan_message, smtp, due_again, monkeypatch):
    message = plan_message()
    smtp.at_recipient[message.customer.email] = "450 4.2.1 busy"
    Message.objects.update(attempts=18)
    send_due()
    due_again()
    send_due()
    message.refresh_from_db()
    assert (message.state, message.attempts, message.error_kind) == (MessageState.FAILED, 20, "transient")


def test_the_channel_rests_when_the_server_is_away_and_nothing_is_lost(plan_message, settings, smtp, states):
    for _ in range(5):
        plan_message()
    port = settings.EMAIL_PORT
    settings.EMAIL_PORT = 1
    send_due()
    assert resting(["email"])
    assert set(states().values()) == {"planned"}
    assert sorted(Message.objects.values_list("attempts", flat=True)) == [0, 0, 0, 0, 1]
    settings.EMAIL_PORT = port
    send_due()
    assert smtp.accepted == []


def test_a_message_that_cannot_be_rendered_fails_alone(plan_message, smtp, run, states):
    plan_message(email="bad@example.com")
    plan_message(email="good@example.com")
    endless = "{% if customer.first_name %}<p>{% for i in (1..1000000000) %}x{% endfor %}</p>{% endif %}"
    run.campaign.variants.update(html=endless)
    Customer.objects.filter(pk=Message.objects.last().customer_id).update(first_name="")
    send_due()
    assert states() == {"bad@example.com": "failed", "good@example.com": "sent"}
    assert Message.objects.get(state="failed").error.startswith("It could not be rendered")


def test_two_workers_at_once_send_everything_once(plan_message, smtp):
    addresses = {plan_message().customer.email for _ in range(120)}
    errors = []

    def work():
        try:
            send_due()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    assert sorted(smtp.addresses) == sorted(addresses)
    assert Message.objects.filter(state="sent", attempts=1).count() == 120


def test_runs_take_turns(plan_message, smtp, monkeypatch):
    monkeypatch.setattr(outbox, "LARGEST_BATCH", 1)
    monkeypatch.setattr(outbox, "FIRST_BATCH", 1)
    other = RunFactory(campaign=CampaignFactory(status="running"), status="sending")
    VariantFactory(campaign=other.campaign)
    for _ in range(3):
        plan_message()
    late = plan_message(run=other)
    send_due()
    assert late.customer.email in smtp.addresses[:2]
    assert len(smtp.addresses) == 4
