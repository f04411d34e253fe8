import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.offers.codes import ALPHABET, RANDOM_CHARACTERS, InvalidCodeError, generate_code, normalise_code

codes = st.builds(generate_code)


def _regroup(characters: list[str]) -> str:
    return "".join(characters)


def test_a_code_carries_at_least_sixty_random_bits_in_groups_of_four():
    assert 5 * RANDOM_CHARACTERS >= 60
    assert [len(group) for group in generate_code().split("-")] == [4, 4, 4, 4]


def test_codes_do_not_repeat():
    assert len({generate_code() for _ in range(20_000)}) == 20_000


@given(codes)
def test_a_code_is_its_own_canonical_form(code):
    assert normalise_code(code) == code


@given(codes, st.randoms(use_true_random=False))
def test_typing_habits_are_forgiven(code, random):
    typed = code.replace("-", random.choice(["", " ", "-", " - "]))
    typed = typed.replace("0", random.choice("0oO")).replace("1", random.choice("1iIlL"))
    assert normalise_code(f" {random.choice([typed, typed.lower()])} ") == code


@given(codes, st.integers(0, 15), st.sampled_from(ALPHABET))
def test_every_single_wrong_character_is_caught(code, position, wrong):
    characters = list(code.replace("-", ""))
    if characters[position] == wrong:
        return
    characters[position] = wrong
    with pytest.raises(InvalidCodeError):
        normalise_code(_regroup(characters))


@given(codes, st.integers(0, 14))
def test_every_swap_of_neighbours_is_caught(code, position):
    characters = list(code.replace("-", ""))
    if characters[position] == characters[position + 1]:
        return
    characters[position], characters[position + 1] = characters[position + 1], characters[position]
    with pytest.raises(InvalidCodeError):
        normalise_code(_regroup(characters))


@pytest.mark.parametrize("text", ["", "7K2M", "U" * 16, "7K2M-9QX4-TB3N-5VH*", "０" * 16, "7K2M-9QX4-TB3N-5VHC-7K2M"])
def test_what_is_no_code_is_refused(text):
    with pytest.raises(InvalidCodeError):
        normalise_code(text)
