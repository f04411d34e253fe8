from decimal import Decimal

import numpy as np
import pytest

from recommendations.export import export_catalogue
from tests.factories import ItemFactory


@pytest.mark.django_db
def test_texts_and_vectors_stand_beside_their_items():
    items = [
        ItemFactory(title="Blue mug", brand="Acme", description="holds tea", attributes={"vector": [1, 0.5, 0]}),
        ItemFactory(title="蓝色杯子", attributes={"vector": [0, 0, 1]}),
        ItemFactory(title="Plain", attributes={"vector": [1, 2]}),
        ItemFactory(title="Odd", attributes={"vector": ["a", None, True]}, price=Decimal(1)),
        ItemFactory(title="Without"),
    ]
    stock = export_catalogue()
    assert stock.features.ids.tolist() == [item.pk for item in items]
    assert list(stock.texts)[:2] == ["Blue mug Acme holds tea", "蓝色杯子  "]
    np.testing.assert_array_equal(stock.given[:2], [[1, 0.5, 0], [0, 0, 1]])
    assert np.isnan(stock.given[2:]).all(), "what is no vector like the others is none"


@pytest.mark.django_db
def test_an_empty_catalogue():
    stock = export_catalogue()
    assert len(stock.features) == len(stock.texts) == 0
    assert stock.vectors(np.array([1, 2])).shape == (2, 0)
