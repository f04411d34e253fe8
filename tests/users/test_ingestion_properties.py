"""Whatever way the same events arrive, they leave the same state, and every row is answered for once."""

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from catalog.rows import load_rows
from catalog.validation import IngestResult
from users.choices import EventType
from users.ingestion import EventInput, ingest_events
from users.ingestion.staging import arrays
from users.models import Customer, Event, EventKey

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ids = st.sampled_from(["a", "b", "ü🎁", 'NULL,"\\{}', "x" * 255])
events = st.builds(
    EventInput,
    message_id=st.sampled_from([f"m{n}" for n in range(12)]),
    type=st.sampled_from([kind.code for kind in EventType]),
    occurred_at=st.integers(0, 90).map(lambda days: NOON - timedelta(days=days)),
    customer_id=st.one_of(st.just(""), ids),
    anonymous_id=ids,
    item_id=ids,
    quantity=st.one_of(st.none(), st.integers(-1, 3)),
    price=st.one_of(st.none(), st.decimals(-1, 100, places=2)),
    currency=st.just("GBP"),
    context=st.one_of(st.none(), st.dictionaries(st.text(max_size=3), st.text(max_size=5), max_size=3)),
)
FAST = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def state() -> set[tuple]:
    names = ("message_id", "customer__external_id", "customer__anonymous_id", "item__external_id", "type")
    return {
        (*row[:-1], str(row[-1]))
        for row in Event.objects.values_list(*names, "occurred_at", "quantity", "price", "currency", "context")
    }


def ingest(batches: list[list[EventInput]]) -> None:
    for batch in batches:
        result = ingest_events(events=batch, source="test")
        assert result.accepted + result.duplicates + len(result.refused) == len(batch)
        assert all(0 <= row.index < len(batch) and row.reason and row.message for row in result.refused)


class AnyWay(TestCase):
    @FAST
    @given(st.lists(events, max_size=12, unique_by=lambda event: event.message_id), st.randoms(use_true_random=False))
    def test_order_batches_and_repetition_make_no_difference(self, rows, chance):
        states = []
        for _ in range(2):
            sent = [*rows, *chance.choices(rows, k=5)] if rows else []
            chance.shuffle(sent)
            cut = chance.randint(0, len(sent))
            with transaction.atomic():
                ingest([sent[:cut], sent[cut:]])
                states.append(state())
                assert EventKey.objects.count() == Event.objects.count()
                transaction.set_rollback(True)
        assert states[0] == states[1]

    @FAST
    @given(st.lists(events, max_size=12))
    def test_every_event_has_its_customer_and_the_first_of_a_message_id_holds(self, rows):
        ingest([rows])
        first: dict[str, EventInput] = {}
        refused = {row.index for row in ingest_events(events=rows, source="test").refused}
        for index, row in enumerate(rows):
            if index not in refused:
                first.setdefault(row.message_id, row)
        assert Event.objects.count() == len(first)
        assert Counter(Event.objects.values_list("occurred_at", "type", "quantity")) == Counter(
            (row.occurred_at, int(EventType.from_code(row.type)), row.quantity) for row in first.values()
        )
        assert not Event.objects.exclude(customer__in=Customer.objects.all()).exists()


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)
good = asdict(EventInput("m1", "view", NOON, "c1", item_id="i1", price=Decimal(1), currency="GBP"))
dirty_rows = st.one_of(
    json_values,
    st.dictionaries(st.sampled_from(list(good)), json_values, max_size=4).map(
        lambda changes: {**good, "occurred_at": NOON.isoformat(), "price": "1.00", **changes}
    ),
)


class AnyJson(TestCase):
    @FAST
    @given(st.lists(dirty_rows, min_size=1, max_size=6))
    def test_rows_of_any_json_are_each_taken_or_refused(self, rows):
        result = load_rows(EventInput, rows, lambda good: ingest_events(events=good, source="test"))
        assert isinstance(result, IngestResult)
        assert result.accepted + result.duplicates + len(result.refused) == len(rows)
        assert Event.objects.count() == result.accepted


storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


class AnyText(TestCase):
    @FAST
    @given(st.lists(st.tuples(st.none() | storable), min_size=1))
    def test_array_literals_carry_any_text(self, rows):
        ((_, literal),) = arrays([("ref", "text")], rows)
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::text[]", [literal])
            assert cursor.fetchone() == ([value for (value,) in rows],)
