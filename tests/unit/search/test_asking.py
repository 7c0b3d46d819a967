"""What can be asked beside parts and filters: words, tastes, paths, diversity, groups, pages and batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from chiasm.catalog.filters import parse_where
from chiasm.errors import ChiasmError, NotFoundError, UsageError
from chiasm.search import Part, Query, SearchResult, parse_path
from chiasm.search.state import State

from .conftest import DIM, Home, MeanFusion, WordEncoder, picture


def ask(home: Home, *parts: Part, **options: Any) -> SearchResult:
    return home.searcher.search(home.workspace, Query(parts, **options))


def keys(result: SearchResult) -> list[str]:
    return [hit.key for hit in result.hits]


def state(home: Home) -> State:
    return home.searcher._states.current(home.workspace)


LETTER = Part("text", "letter")


def test_words_alone(home: Home) -> None:
    assert keys(ask(home, match="uno cee")) in (["d:1", "l:c"], ["l:c", "d:1"])
    assert keys(ask(home, match="letter", into="digits")) == []
    assert keys(ask(home, match="round")) == [] and keys(ask(home, match="round", stubs=True)) == [
        "shape:round"
    ]
    (hit,) = ask(home, match='"digit one"', explain=True).hits
    assert hit.score == 1.0 and hit.why is not None
    assert hit.why["match"] == 1.0 and not hit.why["without"] and not hit.why["paths"]


def test_words_before_any_encoder(empty: Home) -> None:
    empty.entity("a", texts=["no vector yet"])
    assert keys(ask(empty, match="vector")) == ["a"]


@pytest.mark.parametrize("fuse", ["rrf", "weights"])
def test_words_with_vectors(home: Home, fuse: str) -> None:
    both = ask(home, LETTER, match="zero", match_weight=9.0, fuse=fuse, explain=True)
    assert both.hits[0].key == "d:0" and len(both.hits) == len(ask(home, LETTER).hits)
    assert all(0 <= hit.score <= 1 for hit in both.hits)
    why = both.hits[0].why or {}
    assert why["match"] > 0.5
    # By hand: what the vectors alone are worth, beside nothing for the words.
    near = next(hit for hit in ask(home, LETTER).hits if hit.key == "d:0")
    left = (61 / (60 + near.rank) if fuse == "rrf" else near.score) / 10
    others = [hit.score for hit in both.hits[1:]]
    assert why["without"]["match"]["rank"] == 1 + sum(score > left for score in others)
    # What has no text is not judged by words: it is not put below everything else for want of one.
    parts = LETTER, Part("image", picture(40))
    assert keys(ask(home, *parts, match="zero", fuse=fuse))[-1] != "l:x"


def test_cosines_are_those_of_the_vectors(home: Home) -> None:
    (hit, *_) = ask(home, Part("text", "letter cee"), k=1).hits
    assert hit.cosine["text"] == pytest.approx(1.0, abs=2e-3)
    row = state(home).replica.row("l:c")
    if "fused" in state(home).columns:
        stored = state(home).columns["fused"].items_of(row)[0]
        asked = MeanFusion().fuse([{"text": WordEncoder().encode(["letter cee"])}])[0]
        assert hit.cosine["fused"] == pytest.approx(float(stored @ asked), abs=1e-6)


def taste(*liked: str, without: tuple[str, ...] = ()) -> tuple[Part, ...]:
    return (*(Part("entity", k) for k in liked), *(Part("entity", k, -1.0) for k in without))


@pytest.mark.parametrize("strategy", ["average", "best"])
def test_tastes(home: Home, strategy: str) -> None:
    liked = ask(home, *taste("l:o", "l:c"), strategy=strategy)
    assert set(keys(liked)) == {"l:i", "l:x", "d:0", "d:1"}
    assert all(0 <= hit.score <= 1 for hit in liked.hits)
    disliked = ask(home, *taste("l:o", "l:c", without=("l:i",)), strategy=strategy)
    assert "l:i" not in keys(disliked)
    assert {"d:0", "d:1"} <= set(keys(disliked))
    explained = ask(home, *taste("l:o", without=("d:1",)), strategy=strategy, explain=True)
    assert all(hit.why is not None for hit in explained.hits)


def test_best_keeps_tastes_apart_and_minds_one_dislike(fused: Home) -> None:
    fused.entity("t:a", texts=["alpha"]), fused.entity("t:b", texts=["beta"])
    fused.entity("t:a2", texts=["alpha alpha2"]), fused.entity("t:b2", texts=["beta beta2"])
    first = keys(ask(fused, *taste("t:a", "t:b"), strategy="best"))[:2]
    assert set(first) == {"t:a2", "t:b2"}
    minded = keys(ask(fused, *taste("t:a", without=("t:b",)), strategy="best"))
    assert minded[0] == "t:a2" and minded[-1] == "t:b2"
    # By hand: (1 + cosine) / 2, or (1 - cosine squared) / 2 where the disliked one is nearer.
    column, row = state(fused).columns["fused"], state(fused).replica.row
    a, b, near = (column.items_of(row(key))[0] for key in ("t:a", "t:b", "t:b2"))
    hit = next(
        h for h in ask(fused, *taste("t:a", without=("t:b",)), strategy="best").hits if h.key == "t:b2"
    )
    assert near @ b > near @ a and hit.score == pytest.approx((1 - float(near @ b) ** 2) / 2, abs=1e-6)


def test_average_is_the_moved_centre(fused: Home) -> None:
    column, row = state(fused).columns["fused"], state(fused).replica.row
    o, c, i = (column.items_of(row(key))[0] for key in ("l:o", "l:c", "l:i"))
    by_hand = ask(fused, Part("vector", 2 * (o + c) / 2 - i))
    left_out = {"l:o", "l:c", "l:i"}
    wanted = [key for key in keys(by_hand) if key not in left_out]
    assert keys(ask(fused, *taste("l:o", "l:c", without=("l:i",)), strategy="average")) == wanted


PATHS = [
    ("has", "l:o", {"shape:round"}),
    ("has/^has", "l:o", {"l:o", "l:c"}),
    ("^has", "shape:round", {"l:o", "l:c"}),
    ("^like|has", "l:i", {"d:1", "shape:straight"}),
    (["has", ["^has"]], "l:c", {"l:o", "l:c"}),
    ("like/has/^has/^<like>", "d:0", {"d:0"}),
    ("^like/like", "l:o", {"l:o"}),
    ("like", "l:x", set()),
    ("has*", "l:o", {"l:o", "shape:round"}),
    ("like/has+", "d:0", {"shape:round"}),
    ("^like+", "l:o", {"d:0"}),
]


@pytest.mark.parametrize(("path", "near", "wanted"), PATHS)
def test_paths(home: Home, path: Any, near: str, wanted: set[str]) -> None:
    parts = LETTER, Part("image", picture(1))
    result = ask(home, *parts, near=near, path=parse_path(path), stubs=True)
    vectorless = {hit for hit in wanted if hit.startswith("shape") and "fused" in state(home).columns}
    assert set(keys(result)) >= wanted - vectorless and set(keys(result)) <= wanted
    assert parse_path(str(parse_path(path))) == parse_path(path)


@pytest.mark.parametrize(
    "path",
    ["+", "a++", "a|b+", "a+|b", "a+b",
     "", "/", "a/", "a//b", "a|", "^", "^^a", "a^b", "<a", "a>", "a/b/c/d/e/f/g", "|".join("abcdefghijklmnopq"), [],
     [[]], [""], ["^"], "a" * 20_000, "^" * 9_000],
)  # fmt: skip
def test_paths_that_cannot_be_followed(path: Any) -> None:
    with pytest.raises(UsageError, match="path"):
        parse_path(path)


def test_names_of_addresses_stand_in_brackets() -> None:
    path = parse_path("<http://x.org/made/of> / ^ part of|<a|b>")
    assert path.steps == ((("http://x.org/made/of", False),), (("part of", True), ("a|b", False)))
    assert parse_path(["http://x.org/a/b"]).steps == ((("http://x.org/a/b", False),),)


def test_unknown_predicate(home: Home) -> None:
    with pytest.raises(NotFoundError, match="predicate 'hass'"):
        ask(home, LETTER, near="l:o", path=parse_path("hass"))


def test_diversity(fused: Home) -> None:
    for at in range(4):
        fused.entity(f"same:{at}", texts=["letter oh again"])
    plain = keys(ask(fused, Part("text", "letter oh again"), k=4))
    assert set(plain) == {f"same:{at}" for at in range(4)}
    mixed = ask(fused, Part("text", "letter oh again"), k=4, diversity=0.7)
    assert mixed.hits[0].key == plain[0]
    assert sum(key.startswith("same") for key in keys(mixed)) == 1
    assert [hit.rank for hit in mixed.hits] == [1, 2, 3, 4]
    assert keys(ask(fused, Part("text", "letter oh again"), k=4, diversity=0.001)) == plain


def test_diversity_by_hand(late: Home) -> None:
    """The greedy choice of the paper, on vectors of one modality."""
    result = ask(late, Part("text", "letter"), k=6, diversity=0.5, modality="text")
    now = state(late)
    every = {hit.key: hit.score for hit in ask(late, Part("text", "letter"), k=50, modality="text").hits}
    unit = {}
    for key in every:
        columns = [now.columns[kind] for kind in ("text", "image")]
        means = [column.items_of(now.replica.row(key)) for column in columns]
        unit[key] = [m.mean(0) / np.linalg.norm(m.mean(0)) if len(m) else None for m in means]
    low, high = min(every.values()), max(every.values())
    chosen: list[str] = []
    while len(chosen) < len(every):

        def gain(key: str) -> float:
            alike = [0.0]
            for other in chosen:
                both = [
                    float(a @ b)
                    for a, b in zip(unit[key], unit[other], strict=True)
                    if a is not None and b is not None
                ]
                alike.append(float(np.mean(both)) if both else 0.0)
            return 0.5 * (every[key] - low) / (high - low) - 0.5 * max(alike)

        chosen.append(max((key for key in every if key not in chosen), key=gain))
    assert keys(result) == chosen[: len(result.hits)]


def test_groups(home: Home) -> None:
    parts = LETTER, Part("image", picture(1))
    by_domain = ask(home, *parts, group_by="domain", k=5, group_size=2)
    groups = [hit.group for hit in by_domain.hits]
    assert sorted(groups) == ["digits", "digits", "letters", "letters"] and groups[0] == groups[1]
    assert [hit.rank for hit in by_domain.hits] == [1, 2, 3, 4]
    assert all(hit.group == hit.domain for hit in by_domain.hits)
    assert by_domain.hits[0].key == ask(home, *parts).hits[0].key
    by_tags = ask(home, *parts, group_by="tags", k=10)
    assert {(hit.key == "l:i", str(hit.group)) for hit in by_tags.hits} == {
        (True, "['thin']"),
        (False, "None"),
    }
    assert len(ask(home, *parts, group_by="year", k=3).hits) == 3
    assert len(ask(home, *parts, group_by="year", k=10).hits) == 6
    assert "group" in by_domain.hits[0].to_dict() and "group" not in ask(home, LETTER).hits[0].to_dict()


ORDERS: list[dict[str, Any]] = [
    {},
    {"diversity": 0.4},
    {"group_by": "domain", "group_size": 3},
    {"group_by": "year"},
    {"group_by": "year", "diversity": 0.5},
    {"match": "letter digit"},
    {"where": parse_where("year >= 1910 or not exists(year)")},
]


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("k", [1, 2, 4])
def test_pages_are_the_whole(home: Home, order: dict[str, Any], k: int) -> None:
    parts = LETTER, Part("image", picture(1))
    whole = ask(home, *parts, **order, k=50)
    assert whole.next_cursor is None
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page = ask(home, *parts, **order, k=k, cursor=cursor)
        seen += [(hit.rank, hit.key, hit.score, hit.group) for hit in page.hits]
        cursor, pages = page.next_cursor, pages + 1
        assert page.hits and pages < 20
    assert seen == [(hit.rank, hit.key, hit.score, hit.group) for hit in whole.hits]
    assert pages == -(
        -len({str(hit.group) for hit in whole.hits} if "group_by" in order else whole.hits) // k
    )


def test_cursor_goes_on_where_its_entity_was(home: Home) -> None:
    first = ask(home, LETTER, k=3)
    rest = keys(ask(home, LETTER, k=50, cursor=first.next_cursor))
    home.entity("l:new", texts=["letter"])
    assert keys(ask(home, LETTER, k=50, cursor=first.next_cursor)) == rest
    with home.catalog.write() as session:
        from chiasm.catalog.models import Entity

        last = session.scalars(select(Entity).where(Entity.key == first.hits[-1].key)).one()
        last.deleted_at = 1.0
        home.catalog.bump_revision(session, home.workspace)
    # With ranks instead of probabilities the scores of others move too: one hit may come twice or be left out.
    after = keys(ask(home, LETTER, k=50, cursor=first.next_cursor))
    assert len(set(after) & set(rest)) >= len(rest) - 1


def test_cursors_that_do_not_fit(fused: Home) -> None:
    cursor = ask(fused, LETTER, k=2).next_cursor
    assert cursor is not None
    refused = {
        "another query": [{"parts": (Part("text", "letters"),)}, {"into": "letters"}, {"diversity": 0.1}],
        "not a cursor": [
            {"cursor": c} for c in ("", "x", "é", cursor[:-4], "A" + cursor[1:], "A" * 10_000, "==")
        ],
    }
    for reason, many in refused.items():
        for changed in many:
            asked = {"parts": (LETTER,), "k": 3, "cursor": cursor, **changed}
            with pytest.raises(UsageError, match=reason):
                fused.searcher.search(fused.workspace, Query(**asked))
    with fused.catalog.write() as session:
        from chiasm.catalog.models import Workspace

        session.get_one(Workspace, fused.workspace).active_release_id = None
    with pytest.raises(UsageError, match="of release r1, and late-fusion answers now"):
        ask(fused, LETTER, cursor=cursor)


def test_batch_answers_as_one_by_one(home: Home) -> None:
    queries = [
        Query([Part("text", "letter cee")]),
        Query([Part("text", "letter oh"), Part("image", picture(10))], into="letters", k=2),
        Query([Part("text", "digit")], into="letters", k=2, explain=True),
        Query([Part("image", picture(40))]),
        Query([Part("entity", "l:o")], where=parse_where("year > 1900")),
        Query([Part("audio", _Wave())]),
        Query(match="uno"),
        Query(taste("l:o", without=("l:c",)), strategy="best"),
    ]
    together = home.searcher.search_batch(home.workspace, queries)
    assert len(together) == len(queries)
    for one, query in zip(together, queries, strict=True):
        alone = home.searcher.search(home.workspace, query)
        assert keys(one) == keys(alone) and one.warnings == alone.warnings
        assert [h.score for h in one.hits] == pytest.approx([h.score for h in alone.hits], abs=1e-6)
    assert home.searcher.search_batch(home.workspace, []) == []


class _Wave:
    samples = np.ones(4, dtype=np.float32)


def test_batch_encodes_once_and_says_which_is_wrong(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    encode = WordEncoder.encode
    monkeypatch.setattr(
        WordEncoder, "encode", lambda self, batch: given.append(len(batch)) or encode(self, batch)
    )
    home.searcher.search_batch(home.workspace, [Query([Part("text", f"letter {n}")]) for n in range(5)])
    assert given == [5]
    with pytest.raises(NotFoundError) as caught:
        home.searcher.search_batch(home.workspace, [Query([LETTER]), Query([Part("entity", "nobody")])])
    assert caught.value.where == "query 2: entity"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"match": "!!!"}, "no word"),
    ({"match": "x" * 1001}, "1001 characters"),
    ({"match": "a", "match_weight": 0.0}, "weight of match"),
    ({"match": "a", "match_weight": float("nan")}, "weight of match"),
    ({"fuse": "sum"}, "way to fuse"),
    ({"strategy": "worst"}, "unknown strategy"),
    ({"strategy": "best"}, "liked and disliked"),
    ({"path": parse_path("has")}, "nothing that it begins at"),
    ({"path": parse_path("has"), "near": "l:o", "hops": 2}, "both hops and a path"),
    ({"diversity": 1.1}, "diversity"),
    ({"diversity": float("nan")}, "diversity"),
    ({"group_by": " "}, "group_by"),
    ({"group_by": "domain", "group_size": 101}, "10 groups of 101"),
    ({"group_by": "domain", "group_size": 0}, "groups of 0"),
    ({"group_size": 2}, "group_size"),
    ({"parts": [LETTER] * 1001}, "1001 parts"),
    ({"parts": []}, "no parts"),
]


@pytest.mark.parametrize(("options", "what"), WRONG)
def test_wrong_arguments_say_so(home: Home, options: dict[str, Any], what: str) -> None:
    with pytest.raises(ChiasmError, match=what) as caught:
        home.searcher.search(home.workspace, Query(**{"parts": [LETTER], **options}))
    assert isinstance(caught.value, UsageError) and caught.value.remedy


def test_vector_bounds() -> None:
    with pytest.raises(UsageError):
        Part("vector", np.ones(70_000, dtype=np.float32))
    assert Part("vector", np.ones(DIM, dtype=np.float32)).kind == "vector"
