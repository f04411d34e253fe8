"""Servers and domains that misbehave: each is handled by its kind, and none stops the others."""

import time
from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from benchmarks.mailing import plan_messages
from notifications.channels.email import channel as email_channel
from notifications.choices import MessageState
from notifications.delivery import breaker, outbox, shared
from notifications.delivery.breaker import failing_for, resting
from notifications.delivery.outbox import send_due
from notifications.models import DomainDay, Message
from tests.notifications.certificates import certificate
from tests.notifications.smtp_server import Recorder, smtp_server
from users.encryption import lookup_hash
from users.models import Customer

DEAD = "450 4.4.3 no answer of the domain's name servers"


def by_domain(state):
    found = Message.objects.filter(state=state).select_related("customer")
    return sorted(message.customer.email.partition("@")[2] for message in found)


def test_a_dead_domain_is_asked_a_few_times_and_stops_nobody(plan_message, smtp):
    for number in range(40):
        plan_message(email=f"c{number}@dead.example")
        plan_message(email=f"c{number}@good.example")
    smtp.at_domain["dead.example"] = DEAD
    while send_due():
        pass
    assert by_domain("sent") == ["good.example"] * 40
    assert by_domain("planned") == ["dead.example"] * 40
    assert breaker.DOMAIN.failures <= smtp.asked["dead.example"] <= breaker.DOMAIN.failures + 2
    held = Message.objects.filter(error_kind="domain_rests")
    assert held.count() == 40 - smtp.asked["dead.example"]
    assert set(held.values_list("attempts", flat=True)) == {0}
    assert held.order_by("due_at")[0].due_at > timezone.now() + timedelta(seconds=30)
    assert "email:dead.example" in resting(["email", "email:dead.example"])
    assert not resting(["email", "email:good.example"])


def test_a_domain_that_is_back_gets_everything(plan_message, smtp, due_again):
    for number in range(12):
        plan_message(email=f"c{number}@dead.example")
    smtp.at_domain["dead.example"] = DEAD
    send_due()
    smtp.at_domain.clear()
    shared.shared().zadd(f"{shared.PREFIX}.resting", {"email:dead.example": time.time() - 1})
    due_again()
    while send_due():
        pass
    assert by_domain("sent") == ["dead.example"] * 12
    assert failing_for("email:dead.example") == timedelta()


def test_a_domain_that_takes_nothing_for_a_day_is_given_up(plan_message, smtp, due_again):
    for number in range(12):
        plan_message(email=f"c{number}@dead.example")
    smtp.at_domain["dead.example"] = DEAD
    send_due()
    key = f"{shared.PREFIX}.failures.email:dead.example"
    shared.shared().hset(key, "since", time.time() - breaker.GIVE_UP.total_seconds() - 1)
    due_again()
    send_due()
    failed = Message.objects.filter(state="failed")
    assert failed.count() == 12
    assert {message.error for message in failed} == {"dead.example has taken no mail for a day."}


def test_mailboxes_that_are_full_are_no_fault_of_their_domain(plan_message, smtp):
    full = [plan_message(email=f"full{number}@good.example") for number in range(10)]
    plan_message(email="last@good.example")
    smtp.at_recipient = {message.customer.email: "452 4.2.2 full" for message in full}
    send_due()
    assert smtp.addresses == ["last@good.example"]


def test_when_many_domains_are_refused_in_a_row_it_is_our_own_server(plan_message, smtp, states):
    for number in range(30):
        plan_message(email=f"c@d{number}.example")
        smtp.at_domain[f"d{number}.example"] = "451 4.3.0 no disk"
    send_due()
    assert set(states().values()) == {"planned"}
    assert list(resting(["email"])) == ["email"]
    assert sum(smtp.asked.values()) < 15


def test_a_server_that_loses_every_answer_is_left_alone_after_a_few(plan_message, smtp):
    for number in range(30):
        plan_message(email=f"c{number}@good.example")
    smtp.after_every_text = "drop"
    send_due()
    lost = Message.objects.filter(state="unknown").count()
    assert breaker.LOST.failures <= lost <= breaker.LOST.failures + 2
    assert Message.objects.filter(state="planned", attempts=0).count() == 30 - lost
    assert len(smtp.addresses) == len(set(smtp.addresses))


def test_a_slow_server_gets_small_batches(plan_message, smtp, monkeypatch):
    """What a kill leaves unknown is one batch, so it must not be minutes of work."""
    for number in range(40):
        plan_message(email=f"c{number}@good.example")
    sizes = []
    whole = outbox.claim_batch

    def claimed(**options):
        batch = whole(**options)
        sizes.append(len(batch.claims))
        return batch

    monkeypatch.setattr(outbox, "claim_batch", claimed)
    smtp.delay = 0.1
    while send_due():
        pass
    assert sizes[0] == outbox.FIRST_BATCH
    assert max(sizes[1:]) <= outbox.BATCH_SECONDS / smtp.delay
    assert Message.objects.filter(state="sent", attempts=1).count() == 40


def test_a_batch_that_takes_too_long_is_cut_short(plan_message, smtp, monkeypatch):
    for number in range(10):
        plan_message(email=f"c{number}@good.example")
    monkeypatch.setattr(outbox, "LONGEST_BATCH_SECONDS", 0.0)
    outbox.RunSender(Message.objects.first().run).send_batch()
    assert Message.objects.filter(state="planned", attempts=0).count() == 10
    assert smtp.accepted == []


def test_a_server_whose_certificate_is_not_trusted_gets_nothing_and_nothing_is_lost(
    plan_message, settings, states, tmp_path
):
    plan_message()
    context, _ = certificate("elsewhere.example", tmp_path)
    with smtp_server(Recorder(), starttls=context) as recorder:
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", recorder.port, True
        send_due()
        email_channel.pooled_connection().quit()
    assert recorder.accepted == []
    assert set(states().values()) == {"planned"}
    assert "CERTIFICATE_VERIFY_FAILED" in Message.objects.get().error
    assert resting(["email"])


def test_a_domain_gets_no_more_than_its_rate_and_the_others_all(plan_message, smtp, settings):
    settings.SEND_RATES = {"slow.example": "1"}
    for number in range(5):
        plan_message(email=f"c{number}@slow.example")
        plan_message(email=f"c{number}@good.example")
    while send_due():
        pass
    assert by_domain("sent") == ["good.example"] * 5 + ["slow.example"]
    later = list(Message.objects.filter(state="planned").order_by("due_at").values_list("due_at", flat=True))
    gaps = [(after - before).total_seconds() for before, after in pairwise(later)]
    assert gaps == [pytest.approx(60, abs=1)] * 3


def test_a_channel_gets_no_more_than_its_rate(plan_message, smtp, settings):
    settings.SEND_RATES = {"email": "1"}
    for _ in range(3):
        plan_message()
    while send_due():
        pass
    assert len(smtp.accepted) == 1
    assert Message.objects.filter(state="planned", attempts=0).count() == 2


def test_mails_are_counted_by_domain_once(plan_message, smtp):
    for number in range(3):
        plan_message(email=f"c{number}@Good.example")
    plan_message(email="gone@good.example")
    smtp.at_recipient["gone@good.example"] = "550 5.1.1 no such user"
    send_due()
    assert list(DomainDay.objects.values_list("domain", "sent")) == [("good.example", 3)]


@pytest.mark.soak
def test_ten_thousand_recipients_of_a_dead_domain(transactional_db, settings):
    plan_messages(10_200)
    for customer in Customer.objects.order_by("pk")[200:]:
        customer.email = f"{customer.external_id}@dead.example"
        customer.email_hash = lookup_hash(customer.email)
        customer.save(update_fields=["email", "email_hash"])
    with smtp_server(Recorder(pipelining=True)) as smtp:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", smtp.port
        smtp.at_domain["dead.example"] = DEAD
        while send_due():
            pass
        email_channel.pooled_connection().quit()
    assert len(smtp.accepted) == Message.objects.filter(state=MessageState.SENT).count() == 200
    assert Message.objects.filter(state=MessageState.PLANNED).count() == 10_000
    assert smtp.asked["dead.example"] <= breaker.DOMAIN.failures + 2
