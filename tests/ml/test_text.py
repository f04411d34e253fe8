import numpy as np
import pytest

from recommendations.ml.errors import ConfigError
from recommendations.ml.text import HashingEncoder, SentenceEncoder, plain

TEXTS = [
    "Blue ceramic mug",
    "Ceramic mugs, blue!",
    "Garden hose, 20 m",
    "蓝色陶瓷马克杯",
    "陶瓷杯 蓝色",
    "花园软管 20 米",
    "",
]


def test_like_texts_get_like_vectors_in_both_languages():
    vectors = HashingEncoder().encode(TEXTS)
    alike = vectors @ vectors.T
    assert alike[0, 1] > 0.5 > 0.1 > abs(alike[0, 2])
    assert alike[3, 4] > 0.4 > 0.1 > abs(alike[3, 5])
    np.testing.assert_allclose(np.linalg.norm(vectors[:6], axis=1), 1, rtol=1e-5)
    assert not vectors[6].any(), "a text that says nothing has no direction"


def test_a_text_is_encoded_alike_wherever_it_stands():
    many = ["filler words"] * 5000
    vectors = HashingEncoder().encode([TEXTS[0], *many, TEXTS[0]])
    np.testing.assert_allclose(vectors[0], vectors[-1], atol=1e-6)


def test_case_width_and_punctuation_do_not_count():
    assert plain("Ｍug—BLUE") == "mug blue"


def test_no_text_at_all():
    assert HashingEncoder().encode([]).shape == (0, 1024)


def test_a_missing_package_is_named():
    pytest.importorskip("numpy")
    try:
        import sentence_transformers  # noqa: F401
    except ImportError:
        with pytest.raises(ConfigError, match="sentence-transformers is not installed"):
            SentenceEncoder()
