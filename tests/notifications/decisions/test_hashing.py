from uuid import UUID, uuid4

import numpy as np
import pytest
from django.db import connection

from notifications.decisions.hashing import Purpose, draw, draw_sql

SEED = UUID("8a4b9c6e-0000-4000-8000-00000000002a")


def test_a_draw_is_the_first_52_bits_of_sha_256():
    # printf '8a4b9c6e-0000-4000-8000-00000000002a:hold-out:7' | sha256sum
    assert draw(seed=SEED, purpose=Purpose.HOLD_OUT, customer_id=7) == int("83e0cfc6cd4c7", 16) / 2**52


@pytest.mark.django_db
@pytest.mark.parametrize("purpose", list(Purpose))
def test_python_and_sql_draw_the_same_numbers(purpose):
    customers = [1, 2, 41, 2**40 + 3, *range(10_000, 12_000)]
    seed = uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {draw_sql(purpose, customer_id='c')} FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS t (c, n)"
            " ORDER BY n",
            {"ids": customers, "seed": str(seed)},
        )
        from_sql = [number for (number,) in cursor.fetchall()]
    assert from_sql == [draw(seed=seed, purpose=purpose, customer_id=each) for each in customers]


def test_draws_are_uniform_and_independent_between_purposes_and_seeds():
    ids = range(20_000)
    hold_out = np.array([draw(seed=SEED, purpose=Purpose.HOLD_OUT, customer_id=each) for each in ids])
    variant = np.array([draw(seed=SEED, purpose=Purpose.VARIANT, customer_id=each) for each in ids])
    other = np.array([draw(seed=UUID(int=5), purpose=Purpose.HOLD_OUT, customer_id=each) for each in ids])
    counts, _ = np.histogram(hold_out, bins=20, range=(0, 1))
    assert ((counts - 1000) ** 2 / 1000).sum() < 43.8  # chi-square, 19 degrees of freedom, p = 0.001
    assert abs(np.corrcoef(hold_out, variant)[0, 1]) < 0.025
    assert abs(np.corrcoef(hold_out, other)[0, 1]) < 0.025
