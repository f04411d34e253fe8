import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.mending import mend_code, mend_currency, mend_prose


@pytest.mark.parametrize(
    ("raw", "mended", "reasons"),
    [
        ("Blue mug", "Blue mug", ()),
        (" Blue mug\u00a0", "Blue mug", ("trimmed",)),
        ("CafÃ© crÃ¨me", "Café crème", ("mojibake",)),
        ("Itâ€™s", "It’s", ("mojibake",)),
        ("naïve – déjà vu", "naïve – déjà vu", ()),
        ("Größe: 100 €", "Größe: 100 €", ()),
        ("杯子（蓝色），３００ml", "杯子（蓝色），300ml", ("full_width",)),
        ("\u3000ＡＢＣ", "ABC", ("trimmed", "full_width")),
    ],
)
def test_prose_is_mended_and_sound_prose_left_alone(raw, mended, reasons):
    assert mend_prose(raw) == (mended, reasons)


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x24F), max_size=30))
def test_text_garbled_once_or_twice_is_read_again(text):
    """Whatever European text was garbled is mended, unless it looked garbled before."""
    text = mend_prose(text)[0]
    for times in (1, 2):
        garbled = text
        for _time in range(times):
            garbled = garbled.encode().decode("latin-1")
        if mend_prose(text)[0] == text and all(ord(char) < 0x80 or ord(char) >= 0xC0 for char in text):
            assert mend_prose(garbled)[0] == text


@given(st.text(max_size=40))
def test_mending_twice_is_mending_once(text):
    once = mend_code(text)[0]
    assert mend_code(once) == (once, ())


def test_codes_lose_full_width_punctuation_too():
    assert mend_code("ＡＢ－１２：３ ") == ("AB-12:3", ("trimmed", "full_width"))


@pytest.mark.parametrize(
    ("raw", "shop", "code"),
    [
        *(("eur", "GBP", "EUR"), ("€", "GBP", "EUR"), ("RMB", "EUR", "CNY"), (" Gbp ", "EUR", "GBP")),
        *(("￥", "CNY", "CNY"), ("¥", "JPY", "JPY"), ("$", "CAD", "CAD")),
        # unclear: stays as it is, to be refused
        *(("$", "EUR", "$"), ("¥", "EUR", "¥"), ("??", "EUR", "??"), ("pounds", "EUR", "pounds"), ("", "EUR", "")),
    ],
)
def test_currencies(raw, shop, code):
    assert mend_currency(raw, shop)[0] == code
