"""The filter language, by recursive descent.

```
or      = and {"or" and}
and     = not {"and" not}
not     = "not" not | primary
primary = "(" or ")" | "exists" "(" field ")" | value op field | value "in" field
        | field op value | field ["not"] "in" "[" [value {"," value}] "]" | field "contains" value
field   = name {"." name}           name = word | `any text`
```
"""

from __future__ import annotations

from typing import Any

from chiasm.catalog.filters.limits import check_size, check_text, shortened
from chiasm.catalog.filters.tokens import EXAMPLE, Token, failure, tokenize
from chiasm.catalog.filters.tree import (
    BUILTINS,
    MODALITIES,
    OPERATORS,
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
    check_value,
)
from chiasm.errors import FilterError

__all__ = ["parse_field", "parse_where"]

_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
#: Deeper nesting is a mistake or an attack; Python's own stack ends somewhere beyond.
_MAX_DEPTH = 60


def parse_where(text: str) -> Filter:
    """The tree of a `--where` expression.

    Raises:
        FilterError: It cannot be understood; the message shows the place.
    """
    parser = _Parser(text)
    tree = parser.either(0)
    parser.end()
    check_size(tree.to_json())
    return tree


def parse_field(text: str, *, modalities: bool = False) -> Field | Modality:
    """A field as it is written in a filter; a modality's name means presence where that is asked for.

    Raises:
        FilterError: It is no field.
    """
    parser = _Parser(text)
    found = parser.field(modalities=modalities)
    parser.end()
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        check_text(text)
        self._text = text
        self._tokens = tokenize(text)
        self._next = 0

    def either(self, depth: int) -> Filter:
        items = [self._all(depth)]
        while self._take("keyword", "or"):
            items.append(self._all(depth))
        return items[0] if len(items) == 1 else Or(tuple(items))

    def end(self) -> None:
        if self._peek.kind != "end":
            raise self._failure(
                f"unexpected {shortened(self._peek.value)}", "join conditions with `and` or `or`"
            )

    def field(self, *, modalities: bool = False) -> Field | Modality:
        first = self._peek
        quoted = self._text[first.at : first.at + 1] == "`"
        path = [self._name()]
        while self._take("symbol", "."):
            path.append(self._name())
        if not quoted and path[0] == "attributes":
            path = path[1:]
            if not path:
                raise failure(self._text, first.at, "`attributes` needs a key", "write attributes.year")
        elif not quoted and len(path) == 1 and path[0] in BUILTINS:
            return Builtin(path[0])
        elif not quoted and len(path) == 1 and path[0] in MODALITIES and modalities:
            return Modality(path[0])
        return self._guarded(first, Attribute, tuple(path))

    @property
    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _all(self, depth: int) -> Filter:
        items = [self._negation(depth)]
        while self._take("keyword", "and"):
            items.append(self._negation(depth))
        return items[0] if len(items) == 1 else And(tuple(items))

    def _negation(self, depth: int) -> Filter:
        if depth > _MAX_DEPTH:
            raise self._failure(f"more than {_MAX_DEPTH} levels of nesting")
        if self._take("keyword", "not"):
            return Not(self._negation(depth + 1))
        return self._primary(depth)

    def _primary(self, depth: int) -> Filter:
        if self._take("symbol", "("):
            inner = self.either(depth + 1)
            self._want(")")
            return inner
        if self._take("keyword", "exists"):
            self._want("(")
            found = self.field(modalities=True)
            self._want(")")
            return Exists(found)
        return self._value_first() if self._peek.kind == "value" else self._field_first()

    def _value_first(self) -> Filter:
        start = self._peek
        value = self._value()
        if self._take("keyword", "in"):
            if self._peek.value == "[":
                raise self._failure("a field is missing", 'write `"pet" in tags` or `group in ["a", "b"]`')
            return self._guarded(start, Contains, self.field(), value)
        operator = self._operator()
        return self._guarded(start, Compare, self.field(), _FLIPPED[operator], value)

    def _field_first(self) -> Filter:
        start = self._peek
        field = self.field()
        if self._take("keyword", "contains"):
            return self._guarded(start, Contains, field, self._value())
        if self._take("keyword", "not"):
            self._want_word("in")
            return Not(self._guarded(start, In, field, self._values()))
        if self._take("keyword", "in"):
            return self._guarded(start, In, field, self._values())
        operator = self._operator()
        return self._guarded(start, Compare, field, operator, self._value())

    def _operator(self) -> str:
        if self._peek.kind == "symbol" and self._peek.value in OPERATORS:
            return str(self._advance().value)
        raise self._failure("an operator is missing", f"one of {' '.join(OPERATORS)}, in, contains")

    def _values(self) -> tuple[Scalar, ...]:
        self._want("[")
        values: list[Scalar] = []
        while not self._take("symbol", "]"):
            if values:
                self._want(",")
            values.append(self._value())
        return tuple(values)

    def _value(self) -> Scalar:
        if self._peek.kind != "value":
            raise self._failure("a value is missing", "a string in quotes, a number, true, false or null")
        token = self._advance()
        self._guarded(token, check_value, token.value)
        found: Scalar = token.value
        return found

    def _name(self) -> str:
        if self._peek.kind != "name":
            what = (
                f"{shortened(self._peek.value)} is no field"
                if self._peek.kind != "end"
                else "a field is missing"
            )
            raise self._failure(what, "other names stand in backticks; " + EXAMPLE)
        return str(self._advance().value)

    def _guarded(self, start: Token, make: Any, *parts: Any) -> Any:
        try:
            return make(*parts)
        except FilterError as error:
            raise failure(self._text, start.at, error.what, error.remedy) from None

    def _advance(self) -> Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def _take(self, kind: str, value: str) -> bool:
        found = self._peek.kind == kind and self._peek.value == value
        self._next += found
        return found

    def _want(self, symbol: str) -> None:
        if not self._take("symbol", symbol):
            raise self._failure(f"{symbol!r} is missing")

    def _want_word(self, word: str) -> None:
        if not self._take("keyword", word):
            raise self._failure(f"{word!r} is missing")

    def _failure(self, what: str, remedy: str | None = None) -> FilterError:
        return failure(self._text, self._peek.at, what, remedy)
