"""Rules as people write them, one a line: ``capital_of(X, Y) => located_in(X, Y)``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import NamedTuple

from chiasm_graph.errors import GraphError
from chiasm_graph.rules.rule import MAX_LENGTH, RatedRule, Rule

__all__ = ["RuleSyntaxError", "read_rules"]

_TOKEN = re.compile(r"""\s*(?:(=>)|([(),@])|"((?:[^"\\]|\\.)*)"|([^\s(),@"#]+))""")
_VARIABLE = re.compile(r"[A-Z][A-Za-z0-9_]*\Z")
_FORM = "write it as in  born_in(X, Z), city_of(Z, Y) => citizen_of(X, Y) @ 0.9"


class RuleSyntaxError(GraphError):
    """A line that is no rule, or a rule about what is not there.

    Args:
        what: What was wrong.
        source: Name of the text.
        line: From 1.
        column: From 1.
        remedy: What to do.
    """

    def __init__(self, what: str, *, source: str, line: int, column: int, remedy: str) -> None:
        super().__init__(what, where=f"{source}, line {line}, column {column}", remedy=remedy)
        self.line = line
        self.column = column


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


class _Term(NamedTuple):
    """A variable, or the key of a node."""

    text: str
    variable: bool
    column: int


class _Atom(NamedTuple):
    relation: int
    ends: tuple[_Term, _Term]
    column: int


class _Names(NamedTuple):
    """Numbers of nodes and relations by name."""

    nodes: Mapping[str, int]
    relations: Mapping[str, int]


def read_rules(
    text: str, *, nodes: Mapping[str, int], relations: Mapping[str, int], source: str = "rules"
) -> list[RatedRule]:
    """The rules of a text; empty lines and what follows ``#`` between words do not count.

    Names beginning with a capital letter are variables; keys of nodes stand in double quotes, and so do relations whose
    names hold spaces, brackets, commas, ``@`` or ``#``. ``@ 0.9`` behind a rule is its confidence, 1 otherwise.

    Args:
        text: Lines.
        nodes: Key to number.
        relations: Name to number.
        source: Name of the text, for errors.

    Raises:
        RuleSyntaxError: A line cannot be understood; it says where and what to write.
    """
    names = _Names(nodes, relations)
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        reader = _Line(line, number, source, names)
        if reader.tokens:
            found.append(reader.rule())
    return found


class _Line:
    """One line, read from left to right."""

    def __init__(self, line: str, number: int, source: str, names: _Names) -> None:
        self._number, self._source, self._names = number, source, names
        self._end = len(line.rstrip()) + 1
        self.tokens = self._split(line)
        self._at = 0

    def rule(self) -> RatedRule:
        """The rule that the line is."""
        body = [self._atom()]
        while self._take(","):
            body.append(self._atom())
        self._need("=>", "between body and head")
        head = self._atom()
        confidence = self._confidence() if self._take("@") else 1.0
        if self._at < len(self.tokens):
            token = self.tokens[self._at]
            raise self._wrong(f"{token.text!r} stands behind the rule", token.column, "end the line there")
        made = self._closed(head, body) if all(t.variable for t in head.ends) else self._constant(head, body)
        return RatedRule(
            made,
            support=0,
            predicted=0,
            confidence=confidence,
            pca_confidence=confidence,
            head_coverage=0,
            origin="user",
        )

    def _closed(self, head: _Atom, body: list[_Atom]) -> Rule:
        """The path from the head's first variable to its second, over each atom once."""
        first, last = (term.text for term in head.ends)
        if first == last:
            raise self._wrong("the head joins a variable to itself", head.column, "use two variables")
        if len(body) > MAX_LENGTH:
            raise self._wrong(
                f"the body has {len(body)} atoms", body[MAX_LENGTH].column, f"use at most {MAX_LENGTH}"
            )
        for atom in body:
            for term in atom.ends:
                if not term.variable:
                    raise self._wrong(
                        f"the key {term.text!r} stands in the body only",
                        term.column,
                        "put a key into the head too",
                    )
        left, here, seen = list(body), first, {first}
        steps: list[int] = []
        while left:
            onward = next((one for one in left if here in (one.ends[0].text, one.ends[1].text)), None)
            if onward is None:
                raise self._wrong(
                    f"the body is no path from {first} to {last}: nothing leads on from {here}",
                    left[0].column,
                    _FORM,
                )
            left.remove(onward)
            forwards = onward.ends[0].text == here
            here = onward.ends[1].text if forwards else onward.ends[0].text
            if here in seen:
                raise self._wrong(
                    f"the body comes to {here} twice", onward.column, "use a new variable for each node"
                )
            seen.add(here)
            steps.append(onward.relation if forwards else onward.relation + len(self._names.relations))
        if here != last:
            raise self._wrong(f"the body ends at {here}, the head at {last}", head.column, _FORM)
        if tuple(steps) == (head.relation,):
            raise self._wrong(
                "the rule says what it takes for granted", head.column, "write another head or body"
            )
        return Rule(head.relation, tuple(steps))

    def _constant(self, head: _Atom, body: list[_Atom]) -> Rule:
        """A property from a property: one variable, which head and body share."""
        count = len(self._names.relations)
        variables = [term for term in head.ends if term.variable]
        if not variables or len(body) > 1:
            remedy = 'write it as in  member_of(X, "curia") => speaks(X, "latin")'
            raise self._wrong(
                "a head with a key has one variable and one atom in its body", head.column, remedy
            )
        [x] = variables
        key = head.ends[1] if head.ends[0].variable else head.ends[0]
        [atom] = body
        places = [at for at, term in enumerate(atom.ends) if term.variable and term.text == x.text]
        if len(places) != 1:
            raise self._wrong(f"the body has {x.text} {len(places)} times", atom.column, "use it once")
        end = atom.ends[1 - places[0]]
        return Rule(
            head.relation + (0 if head.ends[0].variable else count),
            (atom.relation + count * places[0],),
            self._node(key),
            None if end.variable else self._node(end),
        )

    def _atom(self) -> _Atom:
        name = self._word("a relation")
        self._need("(", f"behind {name.text!r}")
        first = self._term()
        self._need(",", "between two terms")
        second = self._term()
        self._need(")", "behind the second term")
        number = self._names.relations.get(name.text)
        if number is None:
            raise self._unknown("relation", name.text, name.column, self._names.relations)
        return _Atom(number, (first, second), name.column)

    def _term(self) -> _Term:
        token = self._word("a variable or a key")
        if token.kind == "quoted":
            return _Term(token.text, False, token.column)
        if not _VARIABLE.match(token.text):
            raise self._wrong(
                f"{token.text!r} is no variable",
                token.column,
                f'variables begin with a capital letter; write a key as "{token.text}"',
            )
        return _Term(token.text, True, token.column)

    def _node(self, term: _Term) -> int:
        number = self._names.nodes.get(term.text)
        if number is None:
            raise self._unknown("entity", term.text, term.column, self._names.nodes)
        return number

    def _confidence(self) -> float:
        token = self._word("a confidence")
        try:
            value = float(token.text)
        except ValueError:
            value = -1.0
        if not 0 < value <= 1:
            raise self._wrong(
                f"{token.text!r} is no confidence", token.column, "use a number above 0, at most 1"
            )
        return value

    def _word(self, wanted: str) -> _Token:
        token = self.tokens[self._at] if self._at < len(self.tokens) else None
        if token is None or token.kind not in ("word", "quoted"):
            raise self._wrong(f"{wanted} is missing", token.column if token else self._end, _FORM)
        self._at += 1
        return token

    def _take(self, sign: str) -> bool:
        found = self._at < len(self.tokens) and self.tokens[self._at][:2] == ("sign", sign)
        self._at += found
        return found

    def _need(self, sign: str, place: str) -> None:
        if not self._take(sign):
            column = self.tokens[self._at].column if self._at < len(self.tokens) else self._end
            raise self._wrong(f"{sign!r} is missing {place}", column, _FORM)

    def _split(self, line: str) -> list[_Token]:
        tokens: list[_Token] = []
        at = 0
        while line[at:].strip() and not line[at:].lstrip().startswith("#"):
            match = _TOKEN.match(line, at)
            if match is None:
                raise self._wrong(
                    "a quotation mark is not closed", len(line) - len(line[at:].lstrip()) + 1, 'add "'
                )
            arrow, sign, quoted, word = match.groups()
            group = next(number for number, text in enumerate(match.groups(), start=1) if text is not None)
            kind = "sign" if group <= 2 else "quoted" if group == 3 else "word"
            text = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else arrow or sign or word
            tokens.append(_Token(kind, text, match.start(group) + (0 if group == 3 else 1)))
            at = match.end()
        return tokens

    def _unknown(self, kind: str, name: str, column: int, known: Mapping[str, int]) -> RuleSyntaxError:
        near = difflib.get_close_matches(name, list(known)[:20_000], n=3)
        remedy = f"did you mean {', '.join(map(repr, near))}?" if near else "use a name that the graph has"
        return self._wrong(f"there is no {kind} {name!r}", column, remedy)

    def _wrong(self, what: str, column: int, remedy: str) -> RuleSyntaxError:
        return RuleSyntaxError(what, source=self._source, line=self._number, column=column, remedy=remedy)
