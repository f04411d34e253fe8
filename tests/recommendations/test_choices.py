from recommendations.choices import Architecture
from recommendations.ml.architectures import ARCHITECTURES


def test_every_architecture_of_the_family_can_be_chosen():
    assert set(Architecture.values) == set(ARCHITECTURES)
