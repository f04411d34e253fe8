"""Deterministic draws: the same campaign and customer always get the same number, in Python and in SQL.

A draw is the first 52 bits of SHA-256 over `seed:purpose:customer`, as a fraction. 52 bits fit a double exactly, so
both languages agree to the last bit and re-running a plan changes nobody's arm. The purpose keeps the draws of one
customer independent of each other: changing the hold-out does not reshuffle the variants.
"""

import hashlib
from enum import StrEnum
from uuid import UUID

HEX_DIGITS = 13  # 52 bits


class Purpose(StrEnum):
    HOLD_OUT = "hold-out"
    VARIANT = "variant"


def draw(*, seed: UUID, purpose: Purpose, customer_id: int) -> float:
    """A number in [0, 1) that looks uniform over customers and never changes for one of them."""
    digest = hashlib.sha256(f"{seed}:{purpose}:{customer_id}".encode()).hexdigest()
    return float(int(digest[:HEX_DIGITS], 16) / 16**HEX_DIGITS)


def draw_sql(purpose: Purpose, *, customer_id: str, seed: str = "%(seed)s") -> str:
    """SQL of `draw`; `customer_id` is a column, and `seed` the parameter that carries the seed as text."""
    text = f"{seed} || ':{purpose}:' || {customer_id}::text"
    bits = f"('x' || left(encode(sha256(convert_to({text}, 'UTF8')), 'hex'), {HEX_DIGITS}))::bit({HEX_DIGITS * 4})"
    return f"({bits}::bigint / {16**HEX_DIGITS}::float8)"
