"""Channels without mails: the outbox hands them a notice for all of the customer's addresses."""

import pytest
from django.utils import timezone

from notifications import channels
from notifications.channels.base import Address, AddressResult, BadAddressError, Capabilities, Receipt
from notifications.choices import MessageState
from notifications.delivery.claim import claim_batch
from notifications.delivery.outbox import send_due
from notifications.delivery.reaper import reap_leases
from notifications.listening.tokens import read_unsubscribe
from notifications.models import Message


class Devices:
    """Two devices a customer, kept in memory; those in `gone` reach nobody."""

    capabilities = Capabilities(title_limit=12, body_limit=40)
    shown = []
    gone = set()
    retired = []

    def __init__(self, mailing):
        self.mailing = mailing

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    @classmethod
    def addresses(cls, customer_ids):
        return {pk: (Address(f"{pk}-phone"), Address(f"{pk}-tablet")) for pk in customer_ids}

    def deliver(self, messages):
        for notice in messages:
            self.shown.append(notice)
            yield Receipt.of_results(
                notice.message_id,
                [
                    AddressResult(each, error=BadAddressError("gone") if each.value in self.gone else None)
                    for each in notice.addresses
                ],
            )

    @classmethod
    def retire(cls, addresses):
        cls.retired.extend(addresses)


@pytest.fixture
def devices(monkeypatch):
    class Fresh(Devices):
        shown, gone, retired = [], set(), []
        unreachable = "false"

    monkeypatch.setitem(channels.channels(), "email", Fresh)
    return Fresh


def test_a_notice_says_in_short_what_was_decided(plan_message, devices, run):
    run.campaign.variants.update(subject="Hello {{ customer.first_name }}, come in", preview_text="")
    message = plan_message()
    send_due()
    (notice,) = devices.shown
    message.refresh_from_db()
    assert (notice.title, notice.body) == ("Hello Zoë, …", "Hello Zoë")
    assert (message.state, message.subject) == (MessageState.SENT, "Hello Zoë, …")
    assert notice.url.startswith("http://testserver/t/c/")
    assert notice.data == {"coupon": message.recipient.coupon.code}
    token = notice.unsubscribe_url.removeprefix("http://testserver/u/").removesuffix("/")
    assert read_unsubscribe(token).customer_id == notice.customer_id == message.customer_id


def test_the_preview_text_is_the_body(plan_message, devices, run):
    run.campaign.variants.update(preview_text="{{ coupon.code }} is yours")
    message = plan_message()
    send_due()
    assert devices.shown[0].body == f"{message.recipient.coupon.code} is yours"


def test_one_live_device_is_enough_and_the_dead_ones_are_retired(plan_message, devices):
    alive, dead = plan_message(), plan_message()
    gone = [f"{alive.customer_id}-tablet", f"{dead.customer_id}-phone", f"{dead.customer_id}-tablet"]
    devices.gone |= set(gone)
    send_due()
    assert dict(Message.objects.values_list("pk", "state")) == {alive.pk: "sent", dead.pk: "failed"}
    assert [address.value for address in devices.retired] == gone


def test_a_customer_without_any_address_is_not_handed_over(plan_message, devices, monkeypatch):
    monkeypatch.setattr(devices, "addresses", classmethod(lambda cls, ids: {}))
    plan_message()
    send_due()
    assert devices.shown == []
    assert Message.objects.values_list("state", "error_kind").get() == ("failed", "bad_address")


def test_what_a_killed_worker_left_is_planned_again_where_the_provider_refuses_second_copies(
    plan_message, devices, run, monkeypatch
):
    plan_message()
    claim_batch(run=run)
    Message.objects.update(lease_until=timezone.now())
    monkeypatch.setattr(devices, "capabilities", Capabilities(idempotency_key=True))
    assert reap_leases() == 1
    assert Message.objects.get().state == MessageState.PLANNED
