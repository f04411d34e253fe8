import pytest
from django.utils import translation

from catalog.models import Item
from notifications.content.reasons import reason_sentence

MUG, JUG = Item(pk=1, title="Mug"), Item(pk=2, title="Jug")


@pytest.mark.parametrize(
    ("because_of", "was_bought", "sentence"),
    [
        (None, False, ""),
        (JUG, True, "Because you bought Jug"),
        (JUG, False, "Because you looked at Jug"),
        (MUG, True, "You bought this before"),
        (MUG, False, "You looked at this"),
    ],
)
def test_a_reason_says_only_what_happened(because_of, was_bought, sentence):
    with translation.override("en"):
        assert reason_sentence(item=MUG, because_of=because_of, was_bought=was_bought) == sentence
