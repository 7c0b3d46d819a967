"""Rules as text, there and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chiasm_graph.rules import Rule, RuleSyntaxError, read_rules, spelled

NODES = ["paris", "france", 'the "old" town', "Q42"]
RELATIONS = ["capital_of", "located_in", "/people/person./birth", "speaks (well)"]
BY_NODE = {name: number for number, name in enumerate(NODES)}
BY_RELATION = {name: number for number, name in enumerate(RELATIONS)}


def read(text: str):
    return read_rules(text, nodes=BY_NODE, relations=BY_RELATION)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("capital_of(X, Y) => located_in(X, Y)", Rule(1, (0,))),
        ("capital_of(Y,X)=>located_in(X,Y)", Rule(1, (4,))),
        ("located_in(X, Z), located_in(Z, Y) => located_in(X, Y)", Rule(1, (1, 1))),
        ("located_in(Z, Y), capital_of(X, Z) => located_in(X, Y)", Rule(1, (0, 1))),
        ("capital_of(A, B), capital_of(C, B), located_in(C, D) => located_in(A, D)", Rule(1, (0, 4, 1))),
        ('/people/person./birth(X, "paris") => "speaks (well)"(X, "france")', Rule(3, (2,), 1, 0)),
        ('capital_of(X, Y) => located_in("Q42", X)', Rule(5, (0,), 3)),
        ('capital_of("the \\"old\\" town", X) => located_in(X, "france")', Rule(1, (4,), 1, 2)),
        ("capital_of(X, Y) => located_in(X, Y) @ 0.25  # as far as we know", Rule(1, (0,))),
    ],
)
def test_lines(line, rule):
    [found] = read(line)
    assert found.rule == rule
    assert found.origin == "user"
    assert found.confidence == found.weight == (0.25 if "@" in line else 1.0)
    [again] = read(spelled(rule, nodes=NODES, relations=RELATIONS))
    assert again.rule == rule


def test_empty_lines_and_remarks_do_not_count():
    text = "\n# of cities\ncapital_of(X, Y) => located_in(X, Y)\n   \n"
    assert len(read(text)) == 1
    assert read("") == []


@pytest.mark.parametrize(
    ("line", "column", "what", "remedy"),
    [
        ("capital_of(X, Y)", 17, "'=>' is missing", "write it as"),
        ("capital_of(X Y) => located_in(X, Y)", 14, "',' is missing", "write it as"),
        ("capital_of(X, Y => located_in(X, Y)", 17, "')' is missing", "write it as"),
        ("capital(X, Y) => located_in(X, Y)", 1, "no relation 'capital'", "'capital_of'"),
        ("capital_of(x, Y) => located_in(X, Y)", 12, "'x' is no variable", 'write a key as "x"'),
        ("capital_of(X, Z) => located_in(X, Y)", 21, "ends at Z", "write it as"),
        (
            "capital_of(X, Z), capital_of(W, Y) => located_in(X, Y)",
            19,
            "nothing leads on from Z",
            "write it as",
        ),
        ("capital_of(X, Z), capital_of(Z, X) => located_in(X, Y)", 19, "comes to X twice", "new variable"),
        ("capital_of(X, Y) => capital_of(X, Y)", 21, "takes for granted", "another head"),
        ("capital_of(X, Y) => located_in(X, X)", 21, "to itself", "two variables"),
        ('capital_of(X, "paris") => located_in(X, Y)', 15, "in the body only", "into the head too"),
        ('capital_of(X, Y) => located_in(X, "pariss")', 35, "no entity 'pariss'", "'paris'"),
        ('capital_of(X, Y), capital_of(Y, Z) => located_in(X, "paris")', 39, "one atom", "write it as"),
        ('capital_of(Z, Y) => located_in(X, "paris")', 1, "has X 0 times", "use it once"),
        ("capital_of(X, Y) => located_in(X, Y) @ 2", 40, "'2' is no confidence", "above 0"),
        ("capital_of(X, Y) => located_in(X, Y) @", 39, "a confidence is missing", "write it as"),
        ("capital_of(X, Y) => located_in(X, Y) indeed", 38, "stands behind the rule", "end the line"),
        ('capital_of(X, "paris) => located_in(X, Y)', 15, "quotation mark", 'add "'),
        ("=> located_in(X, Y)", 1, "a relation is missing", "write it as"),
        (
            "located_in(X, A), located_in(A, B), located_in(B, C), located_in(C, Y) => located_in(X, Y)",
            55,
            "4 atoms",
            "at most 3",
        ),
    ],
)
def test_mistakes(line, column, what, remedy):
    with pytest.raises(RuleSyntaxError) as caught:
        read("# first\n" + line)
    error = caught.value
    assert (error.line, error.column) == (2, column)
    assert what in error.what and remedy in (error.remedy or "")
    assert "rules, line 2, column" in str(error)


names = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=8)
halves = st.integers(0, 5)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(names, min_size=3, max_size=3, unique=True),
    st.one_of(
        st.builds(
            lambda head, body: Rule(head, tuple(body)),
            st.integers(0, 2),
            st.lists(halves, min_size=1, max_size=3),
        ),
        st.builds(
            lambda head, body, constant, end: Rule(head, (body,), constant, end),
            halves,
            halves,
            st.integers(0, 2),
            st.one_of(st.none(), st.integers(0, 2)),
        ),
    ).filter(lambda rule: rule.constant is not None or rule.body != (rule.head,)),
)
def test_what_is_written_is_read_again(relations, rule):
    text = spelled(rule, nodes=relations, relations=relations)
    numbered = {name: number for number, name in enumerate(relations)}
    [found] = read_rules(text, nodes=numbered, relations=numbered)
    assert found.rule == rule


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_rules_or_a_plain_error(text):
    try:
        read(text)
    except RuleSyntaxError as error:
        assert error.line >= 1 and error.column >= 1 and error.remedy
