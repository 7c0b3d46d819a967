"""Words, spelling, word order and names, each alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chiasm.questions.facing import facing
from chiasm.questions.letters import SpellingIndex, distance
from chiasm.questions.names import Name, NameIndex
from chiasm.questions.predicates import PredicateWords
from chiasm.questions.wording import alike, fold, phrase, squashed, tokens, words

TEXT = st.text(alphabet="abcdéß 法-_'", max_size=12)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("place_of_birth", "place of birth"),
        ("locatedIn", "located In"),
        ("http://www.w3.org/2000/01/rdf-schema#subClassOf", "sub Class Of"),
        ("https://example.org/made-of/", "made of"),
        ("kw:dog", "dog"),
        ("P31", "P31"),
        ("HTTPServer", "HTTP Server"),
    ],
)
def test_predicates_are_read_as_words(name: str, said: str) -> None:
    assert phrase(name) == said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("République française", ["republique", "francaise"]),
        ("Łódź", ["lodz"]),
        ("O'Brien's New-York", ["o", "brien", "s", "new", "york"]),
        ("法国", ["法", "国"]),
        ("...", []),
    ],
)
def test_words_are_folded(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@settings(deadline=None)
@given(TEXT)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert squashed(text) == squashed(" ".join(words(text)))
    assert [token.text for token in tokens(text)] == [fold(text[t.start : t.end]) for t in tokens(text)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("borders", "border", 0.9),
        ("countries", "country", 0.9),
        ("located", "location", 0.9),
        ("born", "birth", 0.7),
        ("speak", "languages", 0.7),
        ("wife", "spouse", 0.7),
        ("contain", "contact", 0.0),
        ("paris", "party", 0.0),
    ],
)
def test_words_say_the_same(one: str, other: str, same: float) -> None:
    assert alike(one, other) == alike(other, one) == same


@settings(deadline=None)
@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_distance_is_symmetric_and_no_less_than_the_lengths_differ(one: str, other: str) -> None:
    apart = distance(one, other)
    assert apart == distance(other, one) and (apart == 0) == (one == other)
    assert abs(len(one) - len(other)) <= apart <= max(len(one), len(other))


def test_a_swap_is_one_letter() -> None:
    assert distance("farnce", "france") == 1 and distance("kitten", "sitting") == 3


def test_words_with_one_wrong_letter_are_found_among_many() -> None:
    rng = random.Random(0)
    known = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=9)) for _ in range(2000)]
    index = SpellingIndex(known)
    found = 0
    for word in known[:200]:
        place = rng.randrange(len(word))
        found += index.near(word[:place] + "q" + word[place + 1 :])[0].number == known.index(word)
    assert found >= 198
    assert index.near("zz") == [] and SpellingIndex([]).near("france") == []


@pytest.mark.parametrize(
    ("question", "used", "entity", "preposition", "subject"),
    [
        ("which countries border france", {2}, (3, 4), False, False),
        ("which countries does france border", {4}, (3, 4), False, True),
        ("what is the capital of france", {3}, (5, 6), False, True),
        ("what is france s capital", {4}, (2, 3), False, True),
        ("what is paris the capital of", {4}, (2, 3), False, False),
        ("what is paris the capital of", {4}, (2, 3), True, True),
        ("what is part of france", {2}, (4, 5), True, False),
        ("what is france part of", {3}, (2, 3), True, True),
        ("who was born in paris", {2}, (4, 5), False, False),
        ("where was curie born", {3}, (2, 3), False, True),
        ("what books were written by curie", {3}, (5, 6), False, False),
        ("which language does curie speak", {1}, (3, 4), False, True),
        ("who was influenced by kant", {2}, (4, 5), True, False),
        ("what about france", set(), (2, 3), False, True),
    ],
)
def test_word_order_tells_subject_from_object(
    question: str, used: set[int], entity: tuple[int, int], preposition: bool, subject: bool
) -> None:
    worth = facing(question.split(), used, *entity, preposition=preposition)
    assert (worth[0] > worth[1]) is subject and max(worth) == 1.0


def test_predicates_are_named_by_their_words() -> None:
    predicates = PredicateWords(
        ["place_of_birth", "place_of_death", "date_of_birth", "P26"], {"P26": ["spouse", "married to"]}
    )
    asked = {0: "where", 2: "born"}
    named = {
        name: predicates.match(name, asked).named
        for name in ("place_of_birth", "date_of_birth", "place_of_death")
    }
    assert named["place_of_birth"] > named["date_of_birth"] > named["place_of_death"] == 0.0
    assert predicates.match("P26", {1: "wife"}).named > 0.7 and predicates.mutual("P26")
    assert predicates.match("P26", {}).named == 0.0


NAMES = NameIndex(
    [
        Name(0, "title", "France"),
        Name(1, "title", "New York City"),
        Name(2, "title", "New York University"),
        Name(3, "title", "Mahatma Gandhi"),
        Name(0, "text", "République française"),
        Name(4, "title", "Paris"),
        Name(5, "title", "paris"),
        Name(6, "title", "法国"),
        Name(7, "title", "--"),
    ]
)


@pytest.mark.parametrize(
    ("mention", "row", "least"),
    [
        ("France", 0, 1.0),
        ("FRANCE", 0, 0.98),
        ("republique francaise", 0, 0.9),
        ("newyork-city", 1, 0.98),
        ("法国", 6, 1.0),
    ],
)
def test_exact_names(mention: str, row: int, least: float) -> None:
    found = NAMES.exact(mention)
    assert [one.row for one in found] == [row] and found[0].score >= least


@pytest.mark.parametrize(
    ("mention", "row"),
    [("Farnce", 0), ("Gandi", 3), ("new york citty", 1), ("the University of New York", 2)],
)
def test_names_that_are_almost_right(mention: str, row: int) -> None:
    found = NAMES.near(mention)
    assert found[0].row == row and found[0].score <= 0.9


def test_no_name_fits() -> None:
    assert NAMES.exact("Xanadu") == NAMES.near("Xanadu") == NAMES.exact("--") == NAMES.near("") == []
    assert NameIndex([]).exact("a") == NameIndex([]).near("a") == []


def test_a_name_as_it_is_written_comes_first() -> None:
    assert [one.row for one in NAMES.exact("paris")] == [5, 4]


@settings(deadline=None)
@given(st.lists(st.text("ab ", max_size=5), max_size=8))
def test_each_name_finds_its_own_entity(given: list[str]) -> None:
    index = NameIndex(Name(row, "title", text) for row, text in enumerate(given))
    for row, text in enumerate(given):
        found = {one.row for one in index.exact(text)}
        assert (row in found) is bool(words(text)) and all(
            squashed(given[r]) == squashed(text) for r in found
        )
