from __future__ import annotations

import pytest

from shop.storage import Condition, DuplicateKey, RowNotFound, Table, column


@pytest.fixture
def people() -> Table:
    table = Table("people", key="name", columns=["age", "email"])
    table.insert({"name": "Ada", "age": 36, "email": "ada@example.com"})
    table.insert({"name": "Bob", "age": 17})
    table.insert({"name": "Cleo", "email": "cleo@example.com"})
    return table


def names(rows: list[dict[str, object]]) -> list[object]:
    return [row["name"] for row in rows]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (column("age") == 17, ["Bob"]),
        (column("age") != 17, ["Ada", "Cleo"]),
        (column("age") < 36, ["Bob"]),
        (column("age") <= 36, ["Ada", "Bob"]),
        (column("age") > 17, ["Ada"]),
        (column("age") >= 17, ["Ada", "Bob"]),
        (column("name").one_of(("Bob", "Cleo")), ["Bob", "Cleo"]),
        ((column("age") > 1) & (column("name") != "Ada"), ["Bob"]),
        ((column("age") == 36) | (column("name") == "Cleo"), ["Ada", "Cleo"]),
        (~(column("age") > 17), ["Bob", "Cleo"]),
    ],
    ids=lambda value: value.text if isinstance(value, Condition) else None,
)
def test_expressions_select_rows(people: Table, condition: Condition, found: list[str]) -> None:
    assert names(people.where(condition)) == found


def test_a_truth_value_selects_all_or_nothing(people: Table) -> None:
    assert people.count(True) == 3
    assert people.count(False) == 0
    assert names(people.where(True, column("age") == 36)) == ["Ada"]


def test_missing_finds_rows_without_a_value(people: Table) -> None:
    assert names(people.missing("email")) == ["Bob"]
    assert names(people.missing("age")) == ["Cleo"]
    assert people.missing("email", column("age") > 17) == []


def test_rows_come_in_the_order_that_was_asked_for(people: Table) -> None:
    people.insert({"name": "Abe", "age": 80})
    assert names(people.where()) == ["Ada", "Bob", "Cleo", "Abe"]
    assert names(people.where(order_by="name", limit=2)) == ["Abe", "Ada"]


def test_a_row_that_was_handed_out_changes_nothing(people: Table) -> None:
    people.get("Ada")["age"] = 99
    people.where()[0]["age"] = 99
    assert people.get("Ada")["age"] == 36


def test_an_update_changes_only_what_it_names(people: Table) -> None:
    people.update("Bob", {"age": 18})
    assert people.get("Bob") == {"name": "Bob", "age": 18, "email": None}
    with pytest.raises(ValueError, match="identifies the row"):
        people.update("Bob", {"name": "Rob"})


def test_mistakes_are_refused(people: Table) -> None:
    with pytest.raises(DuplicateKey, match="Ada"):
        people.insert({"name": "Ada"})
    with pytest.raises(ValueError, match="needs a value for name"):
        people.insert({"age": 3})
    with pytest.raises(ValueError, match="no column height"):
        people.update("Ada", {"height": 170})
    with pytest.raises(RowNotFound, match="Zoe"):
        people.get("Zoe")
