import pytest

from notifications.channels.base import (
    Address,
    AddressResult,
    BadAddressError,
    OutcomeUnknownError,
    PermanentError,
    Receipt,
    ThrottledError,
    TransientError,
)

PHONE, TABLET = Address("phone", id=1), Address("tablet", id=2)
BAD, UNKNOWN, LATER = BadAddressError("gone"), OutcomeUnknownError("lost"), TransientError("busy")
SLOW, NEVER = ThrottledError("slow down"), PermanentError("too large")


def receipt(*errors):
    results = [
        AddressResult(address, provider_id="" if error else f"id of {address.value}", error=error)
        for address, error in zip((PHONE, TABLET), errors, strict=False)
    ]
    return Receipt.of_results(7, results)


def test_a_message_is_delivered_if_any_device_took_it():
    assert receipt(None, None) == Receipt(7, provider_id="id of phone")
    assert receipt(BAD, None) == Receipt(7, provider_id="id of tablet", dead=(PHONE,))
    for error in (UNKNOWN, LATER, SLOW, NEVER):
        assert receipt(error, None) == Receipt(7, provider_id="id of tablet")


@pytest.mark.parametrize(
    ("errors", "expected", "dead"),
    [
        ((LATER, UNKNOWN), UNKNOWN, ()),
        ((BAD, LATER), LATER, (PHONE,)),
        ((LATER, SLOW), SLOW, ()),
        ((NEVER, LATER), LATER, ()),
        ((BAD, BAD), BAD, (PHONE, TABLET)),
    ],
)
def test_where_none_took_it_the_gravest_doubt_decides(errors, expected, dead):
    assert receipt(*errors) == Receipt(7, error=expected, dead=dead)


def test_a_customer_without_any_device_cannot_be_reached():
    assert isinstance(receipt().error, BadAddressError)
