from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks.search import _asked, _rows_of
from benchmarks.searching.corpus import QUERIES, TUNING, Corpus, _mixtures
from benchmarks.searching.corpus import _marks as draw_marks
from benchmarks.searching.glosses import read_glosses
from benchmarks.searching.marks import MARKS
from benchmarks.searching.measure import Singles, paired_ratio, recall, singles
from benchmarks.searching.peers import PEERS
from benchmarks.searching.tuning import tuned

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("found", "truth", "share"),
    [
        ([[1, 2]], [[1, 2]], 1.0),
        ([[2, 1]], [[1, 2]], 1.0),
        ([[1, 9]], [[1, 2]], 0.5),
        ([[1]], [[1, -1]], 1.0),
        ([[]], [[1, 2]], 0.0),
        # Nothing exists, so nothing is missed.
        ([[]], [[-1, -1]], 1.0),
        # Queries that were not asked do not count.
        ([[1, 2]], [[1, 2], [3, 4]], 1.0),
    ],
)
def test_recall(found: list[list[int]], truth: list[list[int]], share: float) -> None:
    assert recall(found, np.array(truth)) == share


@pytest.mark.parametrize(
    ("least", "every", "chosen"),
    [(0.9, False, 2), (0.9, True, 3), (0.5, False, 1), (1.5, False, 4)],
)
def test_the_quickest_settings_that_reach_the_recall(least: float, every: bool, chosen: int) -> None:
    # Settings 1 to 4: milliseconds and share found.
    figures = {1: (1.0, 5), 2: (4.0, 9), 3: (3.0, 9), 4: (5.0, 10)}
    truth = np.arange(10)[None]

    def ask(knob: dict[str, int]) -> Singles:
        ms, count = figures[knob["n"]]
        return Singles([ms], [list(range(count))])

    best = tuned(ask, [{"n": n} for n in figures], truth, least, all_knobs=every)
    assert best.knob == {"n": chosen}


def test_hits_without_text_or_domain_do_not_count() -> None:
    asked = singles(lambda _: [(1, "text", "noun"), (2, "", "noun"), (3, "text", None)], [0], max_s=0)
    assert asked.found == [[1]]


def test_queries_end_with_the_time_but_not_before_the_least() -> None:
    assert len(singles(lambda _: [], range(100), max_s=0, least=7).ms) == 7


def test_ratio_of_pairs() -> None:
    value, (low, high) = paired_ratio([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert (value, low, high) == (2.0, 2.0, 2.0)


def test_marks_are_true_for_their_share_of_the_rows() -> None:
    rows = 20_000
    marks = draw_marks(rows, np.random.default_rng(0))
    assert marks.sum(axis=0).tolist() == [round(rows * percent / 100) for percent in MARKS.values()]


def test_exact_answers_are_the_best_rows_that_have_the_mark(tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    rng = np.random.default_rng(1)
    real = rng.standard_normal((500, 16)).astype(np.float32)
    drawn = _mixtures(real, 2000 + QUERIES + TUNING, rng)
    assert np.allclose(np.linalg.norm(drawn, axis=1), 1, atol=1e-5)
    vectors, queries = drawn[:2000].astype(np.float16), drawn[2000:]
    marks = draw_marks(2000, rng)
    np.save(tmp_path / "vectors.npy", vectors)
    np.save(tmp_path / "marks.npy", marks)
    np.save(tmp_path / "queries.npy", queries[:QUERIES])
    np.save(tmp_path / "tuning.npy", queries[QUERIES:])
    corpus = Corpus(tmp_path, mixed=True)
    for column, mark in enumerate(MARKS):
        rows = np.flatnonzero(marks[:, column])
        exact = queries @ vectors[rows].astype(np.float32).T
        k = min(10, len(rows))
        for truth, scores in (
            (corpus.truth(mark), exact),
            (corpus.truth(mark, tuning=True), exact[QUERIES:]),
        ):
            best = rows[np.argsort(-scores[: len(truth)], axis=1)[:, :k]]
            assert recall(truth.tolist(), best) == 1.0
            assert (truth[:, k:] == -1).all()


def test_glosses_are_read_once_each(tmp_path: Path) -> None:
    licence = "  1 This software\n"
    lines = {
        "noun": "00001740 03 n 01 living_thing 0 000 | what lives  \n00001741 03 n 01 b 0 000 | twice\n",
        "verb": "00001742 29 v 01 c 0 000 | twice\n",
        "adj": "",
        "adv": "00001743 02 r 01 d 0 000 | how | much\n",
    }
    for part, text in lines.items():
        (tmp_path / f"data.{part}").write_text(licence + text, encoding="utf-8")
    glosses = read_glosses(tmp_path)
    found = {*zip(glosses.texts, glosses.titles, glosses.domains, strict=True)}
    assert found == {
        ("what lives", "living thing", "noun"),
        ("twice", "b", "noun"),
        ("how | much", "d", "adv"),
    }


@pytest.mark.parametrize(("size", "rows"), [("117k", 0), ("20k", 20_000), ("1m", 1_000_000), ("500", 500)])
def test_sizes(size: str, rows: int) -> None:
    assert _rows_of(size) == rows


@pytest.mark.parametrize(
    ("rows", "names"),
    [(116_000, list(PEERS)), (1_000_000, ["lance_hnsw_sq", "lance_ivf_pq"]), (4_000_000, [])],
)
def test_who_is_asked_at_a_size(rows: int, names: list[str]) -> None:
    assert _asked(list(PEERS), rows) == names


def test_each_peer_has_its_file() -> None:
    for name in PEERS:
        assert (ROOT / "benchmarks" / "peers" / f"{name}.py").is_file()
