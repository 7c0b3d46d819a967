from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.filters import (
    And,
    Attribute,
    Builtin,
    Compare,
    Contains,
    Exists,
    Filter,
    In,
    Modality,
    Not,
    Or,
    filter_from_json,
    parse_where,
)
from chiasm.catalog.models import Asset, Base, Domain, Entity, Predicate, Triple
from chiasm.errors import FilterError
from chiasm.search.attributes import attribute_column
from chiasm.search.loading import load_replica
from chiasm.search.where import NotColumnarError, rows_where

YEAR, GROUP, TAGS = Attribute(("year",)), Attribute(("group",)), Attribute(("tags",))

A, B, C = Attribute(("a",)), Attribute(("b",)), Attribute(("c",))


def is_(value: Any, field: Any) -> Compare:
    return Compare(field, "==", value)


PARSED = [
    ("year >= 1900", Compare(YEAR, ">=", 1900)),
    ("1900 <= year", Compare(YEAR, ">=", 1900)),
    ("year == -1.5e3", Compare(YEAR, "==", -1500.0)),
    ('group == "Animals & Nature"', Compare(GROUP, "==", "Animals & Nature")),
    (r"group != 'it\'s \"x\"'", Compare(GROUP, "!=", 'it\'s "x"')),
    ('"pet" in tags', Contains(TAGS, "pet")),
    ('tags contains "pet"', Contains(TAGS, "pet")),
    ("year in [1, 2.0, null, true]", In(YEAR, (1, 2.0, None, True))),
    ("year in []", In(YEAR, ())),
    ("year not in [1]", Not(In(YEAR, (1,)))),
    ("exists(image)", Exists(Modality("image"))),
    ("exists(attributes.image)", Exists(Attribute(("image",)))),
    ("exists(maker.name)", Exists(Attribute(("maker", "name")))),
    ('domain == "b" and key != "x"', And((is_("b", Builtin("domain")), Compare(Builtin("key"), "!=", "x")))),
    ("attributes.domain == 1", Compare(Attribute(("domain",)), "==", 1)),
    ("`and`.`a b` == null", Compare(Attribute(("and", "a b")), "==", None)),
    ("größe > 1", Compare(Attribute(("größe",)), ">", 1)),
    ("a==1 or b==2 and not c==3", Or((is_(1, A), And((is_(2, B), Not(is_(3, C))))))),
    ("(a==1 or b==2) and c==true", And((Or((is_(1, A), is_(2, B))), is_(True, C)))),
]


@pytest.mark.parametrize(("text", "tree"), PARSED)
def test_parsing(text: str, tree: Filter) -> None:
    assert parse_where(text) == tree
    assert parse_where(str(tree)) == tree
    assert filter_from_json(json.loads(json.dumps(tree.to_json()))) == tree


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ("", 1, "a field is missing"),
        ("year", 5, "an operator is missing"),
        ("year >=", 8, "a value is missing"),
        ("year = 3", 6, "unexpected '='"),
        ("year >= 3 group == 1", 11, "unexpected 'group'"),
        ("year >= 3 and", 14, "a field is missing"),
        ("(year >= 3", 11, "')' is missing"),
        ('group == "x', 10, "not closed"),
        ("year > null", 1, "needs a number or a string"),
        ("year > true", 1, "needs a number or a string"),
        ("year in 3", 9, "'[' is missing"),
        ("year && 3", 6, "unexpected '&'"),
        ("year == 99999999999999999999", 9, "64 bits"),
        ("year == 1e999", 9, "too large"),
        ("attributes == 1", 1, "needs a key"),
        (r'a == "\q"', 6, "escape"),
        ('a == "\\u0000"', 6, "NUL"),
        ("a.`` == 1", 1, "non-empty"),
        ("and == 1", 1, "'and' is no field"),
        ("(" * 100 + "a==1" + ")" * 100, 62, "levels of nesting"),
        ("; drop table entity", 1, "unexpected ';'"),
    ],
)
def test_errors_name_the_place(text: str, position: int, part: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_where(text)
    assert part in caught.value.what
    assert f"position {position}\n" in caught.value.what
    assert "^" in caught.value.what


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (3, "where"),
        ({}, "where"),
        ({"and": [{"exists": "image"}, {"nor": 1}]}, "where.and[1]"),
        ({"and": [{"exists": "image"}]}, "where"),
        ({"not": []}, "where.not"),
        ({"field": "a", "op": "~", "value": 1}, "where.op"),
        ({"field": "a", "op": "==", "value": [1]}, "where"),
        ({"field": "a", "op": "==", "value": float("nan")}, "where"),
        ({"field": "a b", "op": "==", "value": 1}, "where"),
        ({"field": ["a"], "op": "==", "value": 1}, "where"),
        ({"field": "a", "in": 3}, "where.in"),
    ],
)
def test_bad_json(data: Any, where: str) -> None:
    with pytest.raises(FilterError) as caught:
        filter_from_json(data)
    assert caught.value.where == where
    assert caught.value.what


def test_deep_json_is_an_error_not_a_crash() -> None:
    data: Any = {"exists": "image"}
    for _ in range(5000):
        data = {"not": data}
    with pytest.raises(FilterError):
        filter_from_json(data)


TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=6)
KEYS = st.sampled_from(
    ["year", "group", "tags", "image", "key", "and", "a b", 'q"`\\', "größe", "0"]
) | TEXT.filter(bool)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers(-(2**53), 2**53)
    | st.sampled_from([0.5, 1.0, -2.0, 0.1])
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.sampled_from(["a", "ab", "b", "1", ""])
    | TEXT
)
ORDERED = SCALARS.filter(lambda v: v is not None and not isinstance(v, bool))
ATTRIBUTES = st.lists(KEYS, min_size=1, max_size=3).map(lambda path: Attribute(tuple(path)))
FIELDS = ATTRIBUTES | st.sampled_from([Builtin("key"), Builtin("domain"), Builtin("title")])
LEAVES = (
    st.builds(Compare, FIELDS, st.sampled_from(["==", "!="]), SCALARS)
    | st.builds(Compare, FIELDS, st.sampled_from(["<", "<=", ">", ">="]), ORDERED)
    | st.builds(In, FIELDS, st.lists(SCALARS, max_size=3).map(tuple))
    | st.builds(Contains, FIELDS, SCALARS)
    | st.builds(Exists, FIELDS | st.sampled_from([Modality(m) for m in ("text", "image", "audio", "graph")]))
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(TREES)
def test_printing_and_json_lose_nothing(tree: Filter) -> None:
    assert same(parse_where(str(tree)), tree)
    assert same(filter_from_json(json.loads(json.dumps(tree.to_json()))), tree)


def same(a: Filter, b: Filter) -> bool:
    """Equal, with 1, 1.0 and true told apart."""
    return repr(a) == repr(b)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    folder = tmp_path_factory.mktemp("filters")
    catalog = Catalog(os.environ.get("FILTERS_DATABASE_URL", f"sqlite:///{folder / 'catalog.sqlite'}"))
    with catalog.write() as session:
        Base.metadata.create_all(session.connection())
    yield catalog
    catalog.close()


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=5,
)
ENTITIES = st.lists(
    st.fixed_dictionaries(
        {
            "title": st.none() | TEXT,
            "domain": st.sampled_from([None, "birds", "ab"]),
            "attributes": st.dictionaries(KEYS, VALUES, max_size=4),
            "image": st.booleans(),
        }
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(ENTITIES, st.lists(TREES, min_size=1, max_size=6))
def test_sql_means_what_python_means(
    catalog: Catalog, entities: list[dict[str, Any]], trees: list[Filter]
) -> None:
    workspace = catalog.workspace_id("default")
    # Rolled back at the end, so that every example starts from nothing.
    with catalog.read() as session:
        domains = {None: None}
        for name in ("birds", "ab"):
            found = session.scalar(select(Domain.id).where(Domain.name == name))
            if found is None:
                row = Domain(workspace_id=workspace, name=name)
                session.add(row)
                session.flush()
                found = row.id
            domains[name] = found
        for at, entity in enumerate(entities):
            row = Entity(
                workspace_id=workspace,
                key=f"k{at}",
                domain_id=domains[entity["domain"]],
                title=entity["title"],
                attributes=entity["attributes"],
            )
            session.add(row)
            session.flush()
            if entity["image"]:
                session.add(
                    Asset(
                        workspace_id=workspace,
                        entity_id=row.id,
                        modality="image",
                        sha256="0" * 64,
                        size_bytes=1,
                    )
                )
        session.flush()
        dialect = session.get_bind().dialect.name
        replica = load_replica(session, workspace, 1)
        columns: dict[tuple[str, ...], Any] = {}

        def column(path: tuple[str, ...]) -> Any:
            return columns.setdefault(path, attribute_column(replica.attributes, path))

        for tree in trees:
            found = set(session.scalars(select(Entity.key).where(tree.to_sql(dialect))))
            expected = {f"k{at}" for at, entity in enumerate(entities) if holds(tree, entity, f"k{at}")}
            assert found == expected, str(tree)
            try:
                mask = rows_where(tree, replica, column)
            except NotColumnarError:
                continue
            assert {replica.keys[row] for row in np.flatnonzero(mask)} == expected, str(tree)
        session.rollback()


def holds(tree: Filter, entity: dict[str, Any], key: str) -> bool:
    """The meaning of a filter in plain Python."""
    match tree:
        case And(items):
            return all(holds(item, entity, key) for item in items)
        case Or(items):
            return any(holds(item, entity, key) for item in items)
        case Not(item):
            return not holds(item, entity, key)
        case Exists(Modality(name)):
            return name == "image" and bool(entity["image"])
        case Exists(field):
            return value_of(field, entity, key) is not None
        case In(field, values):
            return any(equal(value_of(field, entity, key), value) for value in values)
        case Contains(field, wanted):
            value = value_of(field, entity, key)
            if isinstance(value, list):
                return any(equal(element, wanted) for element in value)
            return isinstance(value, str) and isinstance(wanted, str) and wanted in value
        case Compare(field, op, wanted):
            value = value_of(field, entity, key)
            if op in ("==", "!="):
                return equal(value, wanted) == (op == "==")
            numbers = number(value) and number(wanted)
            if not numbers and not (isinstance(value, str) and isinstance(wanted, str)):
                return False
            return {
                "<": value < wanted, "<=": value <= wanted, ">": value > wanted, ">=": value >= wanted
            }[op]  # fmt: skip
    raise TypeError(tree)


def value_of(field: Any, entity: dict[str, Any], key: str) -> Any:
    if isinstance(field, Builtin):
        return {"key": key, "domain": entity["domain"], "title": entity["title"]}[field.name]
    value: Any = entity["attributes"]
    for step in field.path:
        if not isinstance(value, dict) or step not in value:
            return None
        value = value[step]
    return value


def number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def equal(value: Any, wanted: Any) -> bool:
    if number(value) and number(wanted):
        return bool(value == wanted)
    return type(value) is type(wanted) and bool(value == wanted)


def test_values_are_bound_never_spliced() -> None:
    nasty = "x'); drop table entity; --"
    for dialect in ("sqlite", "postgresql"):
        tree = And((Compare(Attribute((nasty,)), "==", nasty), Contains(Attribute((nasty,)), nasty)))
        assert "drop" not in str(select(Entity.id).where(tree.to_sql(dialect)))


def test_graph_presence(catalog: Catalog) -> None:
    workspace = catalog.workspace_id("graph")
    with catalog.write() as session:
        rows = [Entity(workspace_id=workspace, key=f"g{at}", attributes={}) for at in range(3)]
        predicate = Predicate(workspace_id=workspace, name="p")
        session.add_all([*rows, predicate])
        session.flush()
        ids = [row.id for row in rows]
        session.add(
            Triple(
                workspace_id=workspace,
                subject_id=ids[0],
                predicate_id=predicate.id,
                object_id=ids[1],
                object_ref="e",
            )
        )
        session.add(
            Triple(
                workspace_id=workspace,
                subject_id=ids[2],
                predicate_id=predicate.id,
                literal=1,
                object_ref="l",
            )
        )
        session.flush()
        dialect = session.get_bind().dialect.name
        found = session.scalars(
            select(Entity.key).where(
                Entity.workspace_id == workspace, parse_where("exists(graph)").to_sql(dialect)
            )
        )
        assert set(found) == {"g0", "g1"}


def test_unknown_dialect() -> None:
    with pytest.raises(FilterError):
        parse_where("a == 1").to_sql("mysql")
