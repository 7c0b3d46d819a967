"""Explanations against real searches in which the entity is indexed without a kind of evidence."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, or_, select

import chiasm.search.state_cache as state_module
from chiasm.catalog.models import Asset, Triple
from chiasm.fusion.ranking import QueryWeights, Ranking
from chiasm.search import Part, Query, Searcher, SearchResult
from chiasm.search.shapley import shapley
from chiasm.search.tokens import Tokens, tokens_of
from chiasm.spaces import SpaceReader
from chiasm_graph import NodeFeatures, Triples

from .conftest import DIM, Home, MeanFusion, open_home, picture

#: Homes are copied as folders here.
pytestmark = pytest.mark.parametrize("store_place", ["faiss"], indirect=True, scope="session")

KINDS = ("text", "image", "graph")


class GraphFusion(MeanFusion):
    """The graph token is the mean of the neighbours' texts and pictures; every kind of evidence counts."""

    ranking = Ranking(
        {
            "text": QueryWeights(10.0, 4.0, 2.0, -5.0, 0.0, 0.5, 0.1, 0.3, words=0.4, words_base=-3.0),
            "image": QueryWeights(8.0, 3.0, 1.5, -5.0, 0.0, 0.5, 0.2, same=2.0),
        }
    )

    def graph_tokens(
        self, graph: Triples, features: NodeFeatures, seeds: Any, *, exclude: Any = None
    ) -> np.ndarray:
        tokens = np.full((len(seeds), DIM), np.nan, dtype=np.float32)
        for at, seed in enumerate(np.asarray(seeds)):
            near = graph.neighbours(int(seed))
            near = near if exclude is None else near[near != exclude[at]]
            known = [v[p] for v, p in features.gather(near).values() if p.any()]
            if known:
                tokens[at] = np.concatenate(known).mean(axis=0)
        return tokens


def tokens_in(home: Home, key: str) -> tuple[int, Tokens]:
    state = home.searcher._states.current(home.workspace)
    row = state.replica.row(key)
    return row, tokens_of(state, home.models.fusion("releases/1/r1"), np.array([row]))[0]  # type: ignore[arg-type]


def fuse_again(home: Home, key: str, without: str | None = None) -> None:
    _, tokens = tokens_in(home, key)
    kept = {kind: values for kind, values in tokens.items() if kind != without}
    home.embed("fused", [home.ids[key]], GraphFusion().fuse([kept]))


def index_without(home: Home, key: str, kind: str) -> None:
    """As if the entity had come without its texts, pictures or edges."""
    fuse_again(home, key, kind)
    entity = home.ids[key]
    with home.catalog.write() as session:
        if kind == "graph":
            session.execute(
                delete(Triple).where(or_(Triple.subject_id == entity, Triple.object_id == entity))
            )
        chosen = select(Asset.id).where(Asset.entity_id == entity, Asset.modality == kind)
        assets = list(session.scalars(chosen))
        session.execute(delete(Asset).where(Asset.id.in_(assets)))
        home.catalog.bump_revision(session, home.workspace)
    if assets:
        home.forget(kind, assets)


@pytest.fixture(params=["matrix", "index"])
def opened(
    request: pytest.FixtureRequest,
    templates: dict[str, Home],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[], Home]]:
    """Copies of a home whose entities were all fused with their edges, with small or with large spaces."""
    if request.param == "index":
        monkeypatch.setattr(
            state_module,
            "SpaceReader",
            lambda *a, **o: SpaceReader(*a, **{**o, "matrix_rows": 0, "small_rows": 0}),
        )
    homes: list[Home] = []

    def copy(source: Home) -> Home:
        folder = tmp_path / str(len(homes))
        shutil.copytree(source.settings.home, folder)
        home = open_home(folder)
        home.models.fusion = lambda folder: GraphFusion()  # type: ignore[method-assign]
        home.ids, home.spaces = dict(source.ids), dict(source.spaces)
        homes.append(home)
        return home

    first = copy(templates["fused"])
    for key in [key for key in first.ids if ":" in key]:
        if tokens_in(first, key)[1]:
            fuse_again(first, key)
    first.searcher = Searcher(first.settings, first.catalog, first.models)  # type: ignore[arg-type]
    yield lambda: copy(first)
    for home in homes:
        home.catalog.close()


QUERIES = [
    Query([Part("text", "letter cee")], explain=True),
    Query([Part("text", "round")], explain=True, stubs=True),
    Query([Part("image", picture(20))], explain=True),
    Query([Part("text", "letter"), Part("image", picture(12), 0.5)], into="letters", explain=True),
    Query([Part("text", "letter"), Part("text", "letter oh", -0.8)], explain=True),
    Query([Part("image", picture(10)), Part("text", "digit", -1.0)], explain=True),
    Query([Part("entity", "l:o"), Part("text", "digit zero")], explain=True),
]


def rank_of(result: SearchResult, key: str) -> int:
    mine = next(hit for hit in result.hits if hit.key == key)
    return 1 + sum(hit.score > mine.score + 1e-7 for hit in result.hits)


def test_ranks_without_are_those_of_real_searches(opened: Callable[[], Home]) -> None:
    home = opened()
    before = [home.searcher.search(home.workspace, query) for query in QUERIES]
    compared = 0
    for key, kind in [(k, kind) for k in ("l:o", "l:c", "d:0", "d:1", "shape:round") for kind in KINDS]:
        if kind not in tokens_in(home, key)[1] or len(tokens_in(home, key)[1]) < 2:
            continue
        changed = opened()
        index_without(changed, key, kind)
        for query, result in zip(QUERIES, before, strict=True):
            why = {hit.key: hit.why for hit in result.hits}.get(key)
            if why is not None and kind in why["without"]:
                after = changed.searcher.search(changed.workspace, query)
                assert why["without"][kind]["rank"] == rank_of(after, key), (key, kind, query.parts)
                compared += 1
    assert compared > 40


def test_shares_add_up_to_what_everything_makes_of_nothing(opened: Callable[[], Home]) -> None:
    home = opened()
    for query in QUERIES:
        for hit in home.searcher.search(home.workspace, query).hits:
            assert hit.why is not None
            shares = [hit.why[kind] for kind in KINDS if kind in hit.why]
            gain = hit.why["value"]["everything"] - hit.why["value"]["nothing"]
            if shares and abs(gain) > 0.05:
                assert sum(shares) == pytest.approx(np.sign(gain), abs=0.005)


def test_what_speaks_against_a_hit_has_a_negative_share(opened: Callable[[], Home]) -> None:
    home = opened()
    result = home.searcher.search(home.workspace, Query([Part("image", picture(20))], explain=True))
    first = result.hits[0]
    assert first.key == "l:c"
    assert first.why is not None
    assert first.why["image"] > 1 > 0 > first.why["text"]


def test_edges_name_the_neighbours_that_count(opened: Callable[[], Home]) -> None:
    home = opened()
    result = home.searcher.search(home.workspace, Query([Part("text", "round")], explain=True))
    why = {hit.key: hit.why for hit in result.hits}["d:0"]
    assert why is not None
    assert [edge["path"] for edge in why["edges"]] == [["d:0", "like", "l:o"]]
    # With one neighbour alone, to lose it is to lose the graph.
    other = {hit.key: hit.why for hit in result.hits}["l:c"]
    assert other is not None
    assert other["edges"][0]["path"] == ["l:c", "has", "shape:round"]
    assert other["edges"][0]["share"] > 0.1


def test_before_the_first_release_ranks_are_those_of_lists_without_the_entity(
    late: Home, tmp_path: Path
) -> None:
    queries = [
        Query([Part("text", "letter cee"), Part("image", picture(12))], explain=True),
        Query(
            [Part("text", "letter"), Part("image", picture(20), 2.0), Part("text", "oh", -0.7)], explain=True
        ),
    ]
    before = [late.searcher.search(late.workspace, query) for query in queries]
    for key in ("l:o", "l:c", "d:0"):
        for kind in ("text", "image"):
            shutil.copytree(
                late.settings.home, tmp_path / f"{key}-{kind}", ignore=shutil.ignore_patterns("*:*")
            )
            changed = open_home(tmp_path / f"{key}-{kind}")
            changed.ids, changed.spaces = late.ids, late.spaces
            with late.catalog.read() as session:
                chosen = select(Asset.id).where(Asset.entity_id == late.ids[key], Asset.modality == kind)
                assets = list(session.scalars(chosen))
            changed.forget(kind, assets)
            for query, result in zip(queries, before, strict=True):
                why = next(hit.why for hit in result.hits if hit.key == key)
                assert why is not None
                after = changed.searcher.search(changed.workspace, query)
                assert why["without"][kind]["rank"] == rank_of(after, key)
            changed.catalog.close()


@pytest.mark.parametrize(
    ("worth", "shares"),
    [
        ({"": 0, "a": 1, "b": 2, "ab": 3}, {"a": 1, "b": 2}),
        ({"": 0, "a": 1, "b": 1, "ab": 1}, {"a": 0.5, "b": 0.5}),
        ({"": 1, "a": 3, "b": 0, "ab": 1}, {"a": 1.5, "b": -1.5}),
        (
            {"": 0, "a": 0, "b": 0, "c": 0, "ab": 6, "ac": 6, "bc": 0, "abc": 6},
            {"a": 4, "b": 1, "c": 1},
        ),
    ],
)
def test_shapley_values(worth: dict[str, float], shares: dict[str, float]) -> None:
    players = sorted({player for some in worth for player in some})
    found = shapley(players, lambda some: worth["".join(sorted(some))])
    assert found == pytest.approx(shares)
    assert sum(found.values()) == pytest.approx(worth["".join(players)] - worth[""])
