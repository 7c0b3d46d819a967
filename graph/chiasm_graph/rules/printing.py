"""Rules as text that `read_rules` reads again."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chiasm_graph.rules.rule import Rule

__all__ = ["spelled"]

_PLAIN = re.compile(r"""[^\s(),@"#]+\Z""")
#: Names of the nodes on the way.
_BETWEEN = ("A", "B")


def spelled(rule: Rule, *, nodes: Sequence[str], relations: Sequence[str]) -> str:
    """A rule as a line, without its confidence.

    Args:
        rule: What to write.
        nodes: Key of each node.
        relations: Name of each relation, by number, inverses not listed.
    """
    if rule.constant is not None:
        end = "Y" if rule.end is None else _quoted(nodes[rule.end])
        body = _atom(rule.body[0], "X", end, relations)
        return f"{body} => {_atom(rule.head, 'X', _quoted(nodes[rule.constant]), relations)}"
    names = ["X", *_BETWEEN[: len(rule.body) - 1], "Y"]
    atoms = [
        _atom(step, here, there, relations)
        for step, here, there in zip(rule.body, names, names[1:], strict=False)
    ]
    return f"{', '.join(atoms)} => {_atom(rule.head, 'X', 'Y', relations)}"


def _atom(half: int, here: str, there: str, relations: Sequence[str]) -> str:
    if half >= len(relations):
        half, here, there = half - len(relations), there, here
    name = relations[half]
    plain = _PLAIN.match(name) and name != "=>"
    return f"{name if plain else _quoted(name)}({here}, {there})"


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
