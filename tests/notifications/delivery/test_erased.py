"""Customers who are erased while their message is planned or on its way."""

import threading

from django.db import connection

from notifications.choices import MessageState
from notifications.delivery.outbox import send_due
from notifications.models import Recipient
from users.privacy.access import COMMAND
from users.privacy.erase import erase_customer


def test_a_mail_that_is_being_sent_while_its_customer_is_erased_leaves_no_text(plan_message, smtp):
    message = plan_message()

    def erase() -> None:
        erase_customer(customer=message.customer, actor=COMMAND)
        connection.close()

    def while_sending(_address: str) -> None:
        thread = threading.Thread(target=erase)
        thread.start()
        thread.join()

    smtp.on_data = while_sending
    send_due()
    message.refresh_from_db()
    assert (message.state, message.subject, message.provider_id) == (MessageState.SENT, "", "")


def test_what_was_planned_for_an_erased_customer_is_cancelled(plan_message, smtp):
    message = plan_message()
    erase_customer(customer=message.customer, actor=COMMAND)
    send_due()
    message.refresh_from_db()
    assert (message.state, smtp.addresses) == (MessageState.CANCELLED, [])
    recipient = Recipient.objects.get()
    assert (recipient.item_ids, recipient.reason_item_ids) == ([], [])
