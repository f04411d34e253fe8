from decimal import Decimal

import numpy as np
import pytest

from recommendations.export import export_customers, export_interactions, export_items
from recommendations.export.arrays import copy_columns
from tests.factories import CategoryFactory, CustomerFactory, ItemFactory, OrderFactory
from users.profiles import refresh_profiles


def words(features, name: str) -> list[str | None]:
    column = features.code_names.index(name)
    return [None if code < 0 else features.words[column][code] for code in features.code(name)]


@pytest.mark.django_db
def test_customers_come_out_by_coarse_attributes_only():
    known = CustomerFactory(external_id="c1", first_name="Ada", country="DE", language="de", birth_date="1990-01-01")
    OrderFactory(customer=known, total=Decimal(20))
    CustomerFactory(external_id="c2", country="")
    CustomerFactory(external_id="c3", merged_into=known)
    refresh_profiles()
    CustomerFactory(external_id="c4", country="AT")
    found = export_customers()
    assert found.ids[0] == known.pk
    assert len(found) == 3
    assert words(found, "country") == ["DE", None, "AT"]
    assert words(found, "lifecycle")[1:] == [None, None]
    np.testing.assert_allclose(found.number("log_orders"), [np.log(2), 0, np.nan], rtol=1e-6)
    assert found.number("monetary")[0] == 1
    told = [word for column in found.words for word in column]
    assert not {"Ada", "c1", known.email} & set(told), "nothing that names a person leaves"


@pytest.mark.django_db
def test_items_come_out_with_the_path_of_their_category_and_their_price_within_it():
    root = CategoryFactory(external_id="home")
    leaf = CategoryFactory(external_id="mugs", parent=CategoryFactory(external_id="kitchen", parent=root))
    for price, brand in ((10, "A"), (20, "B"), (40, "A"), (None, "")):
        ItemFactory(price=price, list_price=price and price * 2, brand=brand, category=leaf)
    ItemFactory(price=Decimal(5), currency="USD", stock=0, is_repurchasable=False)
    found = export_items()
    assert words(found, "brand") == ["A", "B", "A", None, None]
    assert words(found, "category") == ["mugs"] * 4 + [None]
    assert [words(found, f"category_{level}")[0] for level in (1, 2, 3)] == ["home", "kitchen", "mugs"]
    np.testing.assert_allclose(found.number("price_quantile"), [1 / 3, 2 / 3, 1, np.nan, np.nan], rtol=1e-6)
    np.testing.assert_allclose(found.number("reduction"), [0.5, 0.5, 0.5, 0, 0])
    assert found.number("log_price")[0] == pytest.approx(np.log(11))
    assert found.number("is_sold").tolist() == [1, 1, 1, 1, 0]
    assert found.number("is_repurchasable").tolist() == [1, 1, 1, 1, 0]


@pytest.mark.django_db
def test_a_loop_of_categories_does_not_hang_the_export():
    first = CategoryFactory(external_id="a")
    first.parent = CategoryFactory(external_id="b", parent=first)
    first.save()
    ItemFactory(category=first)
    assert words(export_items(), "category") == ["a"]


@pytest.mark.django_db
def test_an_empty_shop_gives_empty_features():
    assert len(export_customers()) == len(export_items()) == len(export_interactions()) == 0


@pytest.mark.django_db
def test_rows_are_read_whole_however_many_are_read_at_once(monkeypatch):
    monkeypatch.setattr("recommendations.export.arrays._AT_ONCE", 7)
    found = copy_columns("SELECT n, -n AS back FROM generate_series(1, 20) AS n", {"n": "bigint", "back": "real"})
    assert found["n"].tolist() == list(range(1, 21))
    assert found["back"].tolist() == [-n for n in range(1, 21)]


@pytest.mark.django_db
@pytest.mark.parametrize("rows", [1, 4, 13])
def test_a_missing_value_is_refused(rows):
    query = f"SELECT nullif(n, {rows}) AS n, n AS m FROM generate_series(1, {rows}) AS n"
    with pytest.raises(ValueError, match="NULL"):
        copy_columns(query, {"n": "integer", "m": "smallint"})
