import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from catalog.idempotency import Answer, KeyReusedError, fingerprint
from users.api_keys import create_api_key
from users.choices import ApiScope
from users.idempotency import KEEP, answer_once, forget_answers
from users.models import IdempotencyRecord


@pytest.fixture
def api_key():
    return create_api_key(name="shop", scope=ApiScope.SERVER)[0]


class Till:
    """Counts how often it was really asked."""

    def __init__(self):
        self.calls = 0

    def __call__(self) -> Answer:
        self.calls += 1
        return Answer(201, {"receipt": self.calls})


def ask(api_key, answer, key="key-1", body="a"):
    request_hash = fingerprint(method="POST", path="/pay/", body={"body": body})
    return answer_once(api_key=api_key, key=key, request_hash=request_hash, answer=answer)


@pytest.mark.django_db
def test_a_retry_gets_the_first_answer_and_has_no_second_effect(api_key):
    till = Till()
    assert ask(api_key, till) == Answer(201, {"receipt": 1})
    assert ask(api_key, till) == Answer(201, {"receipt": 1}, replayed=True)
    assert till.calls == 1


@pytest.mark.django_db
def test_the_same_key_with_another_body_is_an_error(api_key):
    ask(api_key, Till())
    with pytest.raises(KeyReusedError):
        ask(api_key, Till(), body="b")


@pytest.mark.django_db
def test_two_callers_may_use_the_same_key(api_key):
    other = create_api_key(name="other shop", scope=ApiScope.SERVER)[0]
    till = Till()
    ask(api_key, till)
    assert ask(other, till).body == {"receipt": 2}


@pytest.mark.django_db
def test_a_failure_leaves_the_key_unused(api_key):
    def fail() -> Answer:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        ask(api_key, fail)
    assert not IdempotencyRecord.objects.exists()
    assert not ask(api_key, Till()).replayed


def test_the_order_of_json_keys_makes_no_other_request():
    assert fingerprint(method="POST", path="/", body={"a": 1, "b": 2}) == fingerprint(
        method="POST", path="/", body={"b": 2, "a": 1}
    )
    assert fingerprint(method="POST", path="/", body={"a": 1}) != fingerprint(method="POST", path="/", body={"a": "1"})


@pytest.mark.django_db
def test_old_answers_are_forgotten(api_key):
    ask(api_key, Till())
    assert forget_answers() == 0
    with time_machine.travel(timezone.now() + KEEP + timedelta(minutes=1)):
        ask(api_key, Till(), key="key-2")
        assert forget_answers() == 1
    assert IdempotencyRecord.objects.get().key == "key-2"


@pytest.mark.django_db(transaction=True)
def test_duplicates_at_the_same_time_have_one_effect_and_one_answer(api_key):
    till, start, answers = Till(), threading.Barrier(20), []

    def client() -> None:
        start.wait()
        try:
            answers.append(ask(api_key, till))
        finally:
            connection.close()

    threads = [threading.Thread(target=client) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert till.calls == 1
    assert [answer.body for answer in answers] == [{"receipt": 1}] * 20
    assert sum(not answer.replayed for answer in answers) == 1
