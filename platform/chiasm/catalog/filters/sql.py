"""A filter as a bound SQL condition on `Entity`: keys and values are parameters, never text of the SQL.

SQLite walks attributes with `json_each`, whose keys are values (a path would have to be spliced, and
finds no key with an escape in it); PostgreSQL with the `->` operator of jsonb.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Numeric,
    String,
    and_,
    bindparam,
    case,
    cast,
    collate,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB

from chiasm.catalog.filters.tree import (
    And,
    Attribute,
    Builtin,
    Compare,
    Contains,
    Exists,
    Field,
    Filter,
    In,
    Modality,
    Not,
    Or,
    Scalar,
)
from chiasm.catalog.models import Asset, Domain, Entity, Triple
from chiasm.errors import FilterError
from chiasm.origins import GIVEN

__all__ = ["to_sql"]

Condition = ColumnElement[bool]

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def to_sql(tree: Filter, dialect: str) -> Condition:
    """The condition, true or false for every entity and never NULL.

    Raises:
        FilterError: The dialect is neither sqlite nor postgresql.
    """
    try:
        values = {"sqlite": _SqliteValue, "postgresql": _PostgresValue}[dialect]
    except KeyError:
        raise FilterError(
            f"filters are not made for {dialect}", where="database", remedy="use SQLite or PostgreSQL"
        ) from None
    return _Compiler(values).condition(tree)


class _Compiler:
    def __init__(self, values: type[_SqliteValue] | type[_PostgresValue]) -> None:
        self._values = values

    def condition(self, tree: Filter) -> Condition:
        match tree:
            case And(items):
                return and_(*map(self.condition, items))
            case Or(items):
                return or_(*map(self.condition, items))
            case Not(item):
                return not_(self.condition(item))
            case Compare(field, "!=", value):
                return not_(self._equals(field, value))
            case Compare(field, "==", value):
                return self._equals(field, value)
            case Compare(field, op, value):
                return self._compare(field, op, value)
            case In(field, values):
                return or_(false(), *(self._equals(field, value) for value in values))
            case Contains(field, value):
                return self._contains(field, value)
            case Exists(field):
                return _present(field) if isinstance(field, Modality) else not_(self._equals(field, None))
        raise TypeError(f"no filter: {tree!r}")

    def _equals(self, field: Field, value: Scalar) -> Condition:
        if value is None:
            if isinstance(field, Builtin):
                return _builtin(field).is_(None)
            return not_(self._values(field).where(lambda v: v.not_null()))
        return self._compare(field, "==", value)

    def _compare(self, field: Field, op: str, value: Scalar) -> Condition:
        if isinstance(field, Builtin):
            if not isinstance(value, str):
                return false()
            column = self._values.ordered(_builtin(field))
            return func.coalesce(_COMPARE[op](column, _text(value)), false())
        return self._values(field).where(lambda v: v.compare(op, value))

    def _contains(self, field: Field, value: Scalar) -> Condition:
        if isinstance(field, Builtin):
            if not isinstance(value, str):
                return false()
            return func.coalesce(self._values.position(_builtin(field), value) > 0, false())
        return self._values(field).where(lambda v: v.contains(value))


class _SqliteValue:
    """The row of `json_each` that holds an attribute's value."""

    def __init__(self, field: Field) -> None:
        assert isinstance(field, Attribute)
        source: Any = Entity.attributes
        self._conditions: list[Condition] = []
        for key in field.path:
            self._row = _each(source)
            self._conditions.append(self._row.c.key == _text(key))
            # A nested object comes as JSON text; anything else has no keys.
            source = case((self._row.c.type == "object", self._row.c.value), else_="{}")

    def where(self, test: Callable[[_SqliteValue], Condition]) -> Condition:
        """Whether the value is there and passes the test."""
        inner = select(literal(1)).where(*self._conditions, test(self))
        return inner.correlate(Entity).exists()

    def not_null(self) -> Condition:
        return self._row.c.type != "null"

    def compare(self, op: str, value: Scalar) -> Condition:
        return _sqlite_compare(self._row, op, value)

    def contains(self, value: Scalar) -> Condition:
        element = _each(case((self._row.c.type == "array", self._row.c.value), else_="[]"))
        same = _sqlite_compare(element, "==", value) if value is not None else element.c.type == "null"
        found: Condition = (
            select(literal(1)).select_from(element).where(same).correlate(Entity, self._row).exists()
        )
        if not isinstance(value, str):
            return found
        return or_(found, and_(self._row.c.type == "text", self.position(self._row.c.value, value) > 0))

    @staticmethod
    def ordered(column: Any) -> Any:
        return column

    @staticmethod
    def position(column: Any, value: str) -> Any:
        return func.instr(column, _text(value))


def _each(source: Any) -> Any:
    return func.json_each(source).table_valued("key", "value", "type", joins_implicitly=True).alias()


def _sqlite_compare(row: Any, op: str, value: Scalar) -> Condition:
    if isinstance(value, bool):
        return row.c.type == ("true" if value else "false")
    types = ("text",) if isinstance(value, str) else ("integer", "real")
    bound = _text(value) if isinstance(value, str) else bindparam(None, value, unique=True)
    # The types of json_each's columns are not declared, so nothing is converted before the comparison.
    return and_(row.c.type.in_(types), _COMPARE[op](row.c.value, bound))


class _PostgresValue:
    """An attribute's value as jsonb; NULL where it is not there."""

    def __init__(self, field: Field, value: Any = None) -> None:
        if isinstance(field, Attribute):
            value = cast(Entity.attributes, JSONB)
            for key in field.path:
                value = value.op("->", return_type=JSONB())(_text(key))
        self._value = value

    def where(self, test: Callable[[_PostgresValue], Condition]) -> Condition:
        """Whether the value is there and passes the test."""
        return func.coalesce(test(self), false())

    def not_null(self) -> Condition:
        return func.jsonb_typeof(self._value) != "null"

    def compare(self, op: str, value: Scalar) -> Condition:
        return _postgres_compare(self._value, op, value)

    def contains(self, value: Scalar) -> Condition:
        kind = func.jsonb_typeof(self._value)
        array = case((kind == "array", self._value), else_=cast(literal("[]", String), JSONB))
        element = func.jsonb_array_elements(array).table_valued("value", joins_implicitly=True).alias()
        inner = type_coerce(element.c.value, JSONB())
        same = (
            _postgres_compare(inner, "==", value) if value is not None else func.jsonb_typeof(inner) == "null"
        )
        found: Condition = select(literal(1)).select_from(element).where(same).correlate(Entity).exists()
        if not isinstance(value, str):
            return found
        return or_(found, and_(kind == "string", self.position(_plain(self._value), value) > 0))

    @staticmethod
    def ordered(column: Any) -> Any:
        # By code point, whatever the database's language.
        return collate(column, "C")

    @staticmethod
    def position(column: Any, value: str) -> Any:
        return func.strpos(column, _text(value))


def _plain(value: Any) -> Any:
    # The empty path: the value itself as text, a string without its quotes.
    return value.op("#>>", return_type=String())(literal_column("'{}'"))


def _postgres_compare(value: Any, op: str, wanted: Scalar) -> Condition:
    kind = func.jsonb_typeof(value)
    if isinstance(wanted, bool):
        return value == cast(literal("true" if wanted else "false", String), JSONB)
    if isinstance(wanted, str):
        same = _COMPARE[op](_PostgresValue.ordered(_plain(value)), _text(wanted))
        return case((kind == "string", same), else_=false())
    # Decimals as written: exact for whole numbers and for the shortest form of a float alike.
    number = cast(_text(repr(wanted)), Numeric)
    return case((kind == "number", _COMPARE[op](cast(_plain(value), Numeric), number)), else_=false())


def _text(value: str) -> Any:
    return bindparam(None, value, type_=String(), unique=True)


def _builtin(field: Builtin) -> Any:
    if field.name == "domain":
        return select(Domain.name).where(Domain.id == Entity.domain_id).correlate(Entity).scalar_subquery()
    return {"key": Entity.key, "title": Entity.title}[field.name]


def _present(modality: Modality) -> Condition:
    if modality.name == "graph":
        edge = or_(Triple.subject_id == Entity.id, Triple.object_id == Entity.id)
        inner = select(Triple.id).where(edge, Triple.object_id.is_not(None), Triple.origin.in_(GIVEN))
    else:
        inner = select(Asset.id).where(
            Asset.entity_id == Entity.id, Asset.modality == _text(modality.name), Asset.state != "failed"
        )
    return type_coerce(inner.correlate(Entity).exists(), Boolean())
