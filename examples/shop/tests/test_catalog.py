from __future__ import annotations

import pytest

from shop.catalog import Catalog, Category, Money, Product, UnknownProduct, pricelist

HEADER = "sku,name,category,price,grams,reorder_at,pack_size\n"


def skus(products: list[Product]) -> list[str]:
    return [product.sku for product in products]


def test_a_category_is_listed_cheapest_first(catalog: Catalog) -> None:
    dearer = catalog.with_price("TEA-001", Money(950))
    assert skus(catalog.in_category(Category.TEA)) == ["TEA-001", "TEA-002"]
    assert skus(dearer.in_category(Category.TEA)) == ["TEA-002", "TEA-001"]


def test_all_words_must_be_in_the_name(catalog: Catalog) -> None:
    assert skus(catalog.find("grey")) == ["CRO-001", "TEA-001"]
    assert skus(catalog.find("GREY earl")) == ["TEA-001"]
    assert catalog.find("grey sencha") == []


def test_withdrawn_products_are_known_but_not_found(catalog: Catalog) -> None:
    assert "CRO-002" in catalog
    assert catalog.find("cup") == []
    assert skus(catalog.without("TEA-001").in_category(Category.TEA)) == ["TEA-002"]


def test_a_new_price_leaves_the_old_catalogue_alone(catalog: Catalog) -> None:
    assert catalog.with_price("TEA-001", Money(700))["TEA-001"].price == Money(700)
    assert catalog["TEA-001"].price == Money(650)


def test_an_unknown_sku_is_an_error(catalog: Catalog) -> None:
    with pytest.raises(UnknownProduct, match="TEA-999"):
        catalog["TEA-999"]


def test_a_price_list_is_read() -> None:
    read = pricelist.parse(
        "# Spring\n\n"
        + HEADER
        + 'TEA-001,"Grey, Earl",tea,6.50,100,20,12\nGIF-001,Box,gift,2,80,,\n'
    )
    assert list(read) == [
        Product("GIF-001", "Box", Category.GIFT, Money(200), 80),
        Product("TEA-001", "Grey, Earl", Category.TEA, Money(650), 100, 20, 12),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("TEA-001,Earl Grey,tea", "expected 7 fields, found 3"),
        ("TEA-1,Earl Grey,tea,6.50,100,,", "not a SKU"),
        ("TEA-001,Earl Grey,coffee,6.50,100,,", "not a valid Category"),
        ("TEA-001,Earl Grey,tea,cheap,100,,", "not an amount"),
        ("TEA-001,Earl Grey,tea,-1,100,,", "cannot be negative"),
        ("TEA-001,Earl Grey,tea,6.50,0,,", "weighs something"),
        ("TEA-000,Another Box,tea,2,80,,", "listed twice"),
    ],
)
def test_a_bad_line_is_named(line: str, reason: str) -> None:
    with pytest.raises(pricelist.PriceListError, match=f"line 3: .*{reason}") as caught:
        pricelist.parse(f"{HEADER}TEA-000,Box,tea,2,80,,\n{line}\n")
    assert caught.value.line == 3
