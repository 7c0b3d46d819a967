from __future__ import annotations

import json
import threading
from typing import Any

import numpy as np
import pytest

from chiasm.catalog.filters import parse_where
from chiasm.catalog.models import Entity, Workspace
from chiasm.errors import DamagedError, DimensionError, NotFoundError, StampError, UsageError
from chiasm.fusion.ranking import QueryWeights, Ranking
from chiasm.search import Part, Query, SearchResult

from .conftest import DIM, Home, MeanFusion, WordEncoder, picture


def ask(home: Home, *parts: Part, **options: Any) -> SearchResult:
    return home.searcher.search(home.workspace, Query(parts, **options))


def text(value: str, weight: float = 1.0) -> Part:
    return Part("text", value, weight)


def keys(result: SearchResult) -> list[str]:
    return [hit.key for hit in result.hits]


def test_text_finds_its_entity(home: Home) -> None:
    result = ask(home, text("letter cee"))
    first = result.hits[0]
    assert (first.rank, first.key, first.domain, first.title) == (1, "l:c", "letters", "letter cee")
    assert first.present == ["text", "image", "graph"]
    assert [hit.rank for hit in result.hits] == list(range(1, len(result.hits) + 1))
    scores = [hit.score for hit in result.hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert not result.warnings


def test_words_speak_for_what_stands_beside_them(fused: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    only_words = Ranking({"text": QueryWeights(0.0, bias=0.0, words=1.0, words_base=-9.0, same=0.0)})
    monkeypatch.setattr(MeanFusion, "ranking", only_words)
    before = ask(fused, text("round"), into="letters").hits
    beside = {"l:o", "l:c"}
    assert {hit.key for hit in before[:2]} == beside
    assert all(hit.score < 0.05 for hit in before if hit.key not in beside)
    fused.entity("l:q", texts=["letter queue"], links=[("has", "shape:round")])
    assert {hit.key for hit in ask(fused, text("round"), into="letters").hits[:3]} == {*beside, "l:q"}


def test_release_is_named(fused: Home) -> None:
    assert ask(fused, text("letter")).release == "r1"
    with fused.catalog.write() as session:
        session.get_one(Workspace, fused.workspace).active_release_id = None
    assert ask(fused, text("letter")).release == "late-fusion"


def test_picture_finds_its_entity(home: Home) -> None:
    assert keys(ask(home, Part("image", picture(40))))[0] == "l:x"


def test_entity_is_not_its_own_hit(home: Home) -> None:
    found = keys(ask(home, Part("entity", "l:o")))
    assert "l:o" not in found
    assert len(found) >= 4


def test_mixed_parts_and_weights(home: Home) -> None:
    parts = text("letter cee"), Part("image", picture(40))
    assert {"l:c", "l:x"} <= set(keys(ask(home, *parts))[:3])
    heavy = ask(home, text("letter cee", 5.0), Part("image", picture(40), 0.2))
    assert heavy.hits[0].key == "l:c"


def test_negative_part_moves_its_likes_down(home: Home) -> None:
    before = keys(ask(home, text("letter")))
    after = keys(ask(home, text("letter"), text("letter cee", -1.0)))
    assert after.index("l:c") > before.index("l:c")
    assert set(after) == set(before)


FILTERS = [
    ({"into": "digits"}, {"d:0", "d:1"}),
    ({"into": "letters", "k": 2}, 2),
    ({"modality": "image"}, {"l:o", "l:c", "d:0", "l:x"}),
    ({"modality": "graph"}, {"l:o", "l:c", "l:i", "d:0", "d:1"}),
    ({"near": "shape:round"}, {"l:o", "l:c"}),
    ({"near": "shape:round", "hops": 2}, {"l:o", "l:c", "d:0"}),
    ({"near": "shape:round", "stubs": True, "hops": 3}, {"l:o", "l:c", "d:0"}),
    ({"where": "year >= 1910"}, {"l:c", "l:i", "l:x"}),
    ({"where": '"thin" in tags'}, {"l:i"}),
    ({"where": 'exists(image) and domain == "digits"'}, {"d:0"}),
    ({"where": "year == 7"}, set()),
    ({"stubs": True, "where": 'key contains "shape"'}, {"shape:round", "shape:straight"}),
    ({"into": "digits", "where": 'year == "old"', "near": "l:i"}, {"d:1"}),
]


@pytest.mark.parametrize(("options", "wanted"), FILTERS)
def test_filters_really_filter(home: Home, options: dict[str, Any], wanted: Any) -> None:
    where = options.pop("where", None) if "where" in (options := dict(options)) else None
    parsed = parse_where(where) if where else None
    parts = text("letter"), Part("image", picture(1))
    result = ask(home, *parts, where=parsed, **options)
    if isinstance(wanted, int):
        assert len(result.hits) == wanted
    else:
        assert set(keys(result)) == wanted


def test_k_hits_whenever_k_exist(home: Home) -> None:
    for k in (1, 3, 6, 50):
        assert len(ask(home, text("letter"), Part("image", picture(1)), k=k).hits) == min(k, 6)


def test_missing_modality_does_not_hide_an_entity(fused: Home) -> None:
    assert set(keys(ask(fused, text("nothing like it")))) == {"l:o", "l:c", "l:i", "l:x", "d:0", "d:1"}


def test_modality_without_encoder_is_a_warning(home: Home) -> None:
    class Sound:
        samples = np.zeros(5)

    alone = ask(home, Part("audio", Sound()))
    assert (list(alone.hits), len(alone.warnings)) == ([], 1)
    assert "chiasm train" in alone.warnings[0]
    both = ask(home, Part("audio", Sound()), text("letter cee"))
    assert both.hits[0].key == "l:c"
    assert both.warnings


def test_empty_workspace(empty: Home) -> None:
    result = ask(empty, text("anything"))
    assert not result.hits
    assert "ingest" in result.warnings[0]


@pytest.mark.parametrize(
    ("make", "error", "part"),
    [
        (lambda: Query([]), UsageError, "no parts"),
        (lambda: Query([Part("text", "a", -1)]), UsageError, "only negative"),
        (lambda: Part("text", "  "), UsageError, "empty"),
        (lambda: Part("smell", "a"), UsageError, "unknown kind"),  # type: ignore[arg-type]
        (lambda: Part("image", np.zeros(3)), UsageError, "image"),
        (lambda: Part("vector", np.zeros(3)), UsageError, "vector"),
        (lambda: Part("vector", np.array([np.nan])), UsageError, "vector"),
        (lambda: Part("text", "a", float("nan")), UsageError, "weight"),
        (lambda: Part("text", "a", 0.0), UsageError, "weight"),
        (lambda: Query([Part("text", "a")], k=0), UsageError, "k is 0"),
        (lambda: Query([Part("text", "a")], k=5000), UsageError, "k is 5000"),
        (lambda: Query([Part("text", "a")], hops=0), UsageError, "hops"),
        (lambda: Query([Part("text", "a")], modality="smell"), UsageError, "modality"),
    ],
)
def test_queries_that_make_no_sense(make: Any, error: type[Exception], part: str) -> None:
    with pytest.raises(error, match=part):
        make()


@pytest.mark.parametrize(
    ("parts", "options", "remedy"),
    [
        ([Part("entity", "l:oo")], {}, "l:o"),
        ([Part("entity", "letter cee")], {}, "l:c"),
        ([Part("text", "a")], {"into": "letter"}, "letters"),
        ([Part("text", "a")], {"near": "shape:rond"}, "shape:round"),
        ([Part("entity", "l:o")], {"domain_from": "digits"}, "own domain"),
    ],
)
def test_unknown_names_are_answered_with_near_ones(
    home: Home, parts: list[Part], options: dict[str, Any], remedy: str
) -> None:
    with pytest.raises(NotFoundError) as caught:
        ask(home, *parts, **options)
    assert remedy in str(caught.value.remedy)


def test_unknown_workspace(late: Home) -> None:
    with pytest.raises(NotFoundError):
        late.searcher.search(99, Query([text("a")]))


def test_raw_vectors(home: Home) -> None:
    vector = WordEncoder().encode(["letter cee"])[0]
    assert "l:c" in keys(ask(home, Part("vector", vector)))[:2]
    with pytest.raises(DimensionError, match=f"{DIM + 1} dimensions"):
        ask(home, Part("vector", np.ones(DIM + 1)))


def test_encoder_of_another_stamp_is_refused(late: Home) -> None:
    late.models.encoders["words"].fingerprint = "z" * 64  # type: ignore[misc]
    with pytest.raises(StampError):
        ask(late, text("letter"))


def test_damaged_segment_is_found(fused: Home) -> None:
    path = next(fused.settings.spaces_dir.glob("fused-*/*/block.npy"))
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(DamagedError):
        ask(fused, text("letter"))


def test_changes_are_seen_by_the_next_query(home: Home) -> None:
    assert keys(ask(home, text("letter zed")))[0] != "l:z"
    home.entity("l:z", texts=["letter zed"])
    assert keys(ask(home, text("letter zed")))[0] == "l:z"
    assert "l:c" in keys(ask(home, Part("entity", "l:z")))
    with home.catalog.write() as session:
        session.get_one(Entity, home.ids["l:z"]).deleted_at = 1.0
        home.catalog.bump_revision(session, home.workspace)
    assert "l:z" not in keys(ask(home, text("letter zed")))


def test_removed_vectors_are_not_found(fused: Home) -> None:
    ask(fused, text("letter"))
    fused.forget("fused", [fused.ids["l:c"]])
    assert "l:c" not in keys(ask(fused, text("letter cee")))


def test_explanations(home: Home) -> None:
    result = ask(home, Part("entity", "l:o"), text("letter cee"), explain=True)
    first = next(hit for hit in result.hits if hit.key == "l:c")
    assert first.why is not None
    shares = {k: v for k, v in first.why.items() if k in ("text", "image", "graph")}
    assert sum(shares.values()) == pytest.approx(1.0, abs=0.01)
    assert set(first.why["without"]) <= set(shares)
    assert all(entry["rank"] >= 1 for entry in first.why["without"].values())
    assert first.why["paths"] == [["l:o", "has", "shape:round", "^has", "l:c"]]
    assert all(hit.why is None for hit in ask(home, text("letter")).hits)


def test_rank_without_a_modality_is_that_of_a_search_without_it(fused: Home) -> None:
    query = text("letter cee"), Part("image", picture(20))
    first = ask(fused, *query, explain=True).hits[0]
    assert first.key == "l:c"
    assert first.why is not None
    for modality, other in (("image", "text"), ("text", "image")):
        asset_ids = _assets(fused, "l:c", modality)
        column = fused.searcher._states.current(fused.workspace).columns
        kept = {other: column[other].items_of(fused.searcher._states.current(1).replica.row("l:c"))}
        stored = column["fused"].view.vectors(np.array([fused.ids["l:c"]]))
        fused.forget(modality, asset_ids)
        from .conftest import MeanFusion

        fused.embed("fused", [fused.ids["l:c"]], MeanFusion().fuse([kept]))
        again = ask(fused, *query)
        assert first.why["without"][modality]["rank"] == keys(again).index("l:c") + 1
        fused.embed(modality, asset_ids, column[modality].view.vectors(np.array(asset_ids)))
        fused.embed("fused", [fused.ids["l:c"]], stored)


def _assets(home: Home, key: str, modality: str) -> list[int]:
    from sqlalchemy import select

    from chiasm.catalog.models import Asset

    with home.catalog.read() as session:
        found = session.scalars(
            select(Asset.id).where(Asset.entity_id == home.ids[key], Asset.modality == modality)
        )
        return list(found)


def test_answer_as_json(fused: Home) -> None:
    answer = ask(
        fused, text("letter cee"), into="letters", where=parse_where("year > 1"), explain=True
    ).to_dict()
    assert json.loads(json.dumps(answer)) == answer
    assert answer["query"] == {
        "modalities": ["text"], "into": "letters", "where": "year > 1", "k": 10
    }  # fmt: skip
    shown = {"rank", "key", "domain", "title", "score", "cosine", "present", "why"}
    assert set(answer["hits"][0]) == shown


def test_large_spaces_answer_like_small_ones(fused: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    import chiasm.search.state_cache as module
    from chiasm.search import Searcher
    from chiasm.spaces import SpaceReader

    queries = [
        ([text("letter cee"), Part("image", picture(12))], {}),
        ([Part("entity", "d:0")], {"into": "letters"}),
        ([text("round")], {"where": parse_where("year >= 1910")}),
    ]
    small = [ask(fused, *parts, **options) for parts, options in queries]

    def indexed(catalog: Any, root: Any, space_id: int, **options: Any) -> SpaceReader:
        return SpaceReader(catalog, root, space_id, matrix_rows=0, small_rows=0)

    monkeypatch.setattr(module, "SpaceReader", indexed)
    fused.searcher = Searcher(fused.settings, fused.catalog, fused.models)  # type: ignore[arg-type]
    for (parts, options), before in zip(queries, small, strict=True):
        after = ask(fused, *parts, **options)
        assert keys(after) == keys(before)
        np.testing.assert_allclose([h.score for h in after.hits], [h.score for h in before.hits], atol=1e-4)


def test_many_threads_see_whole_answers_while_entities_arrive(fused: Home) -> None:
    failures: list[BaseException] = []
    stop = threading.Event()

    def run() -> None:
        try:
            while not stop.is_set():
                assert ask(fused, text("letter cee")).hits[0].key == "l:c"
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for at in range(10):
        fused.entity(f"new:{at}", texts=[f"thing number{at}"])
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert keys(ask(fused, text("thing number7")))[0] == "new:7"
