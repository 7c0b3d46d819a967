"""Indexed spaces against brute force: recall, completeness, and what masks let pass."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chiasm.catalog import Catalog
from chiasm.catalog.models import Base, Space
from chiasm.errors import DimensionError, InputError
from chiasm.spaces import SpaceReader, View, remove_items, write_segment
from chiasm.spaces import kinds as kinds_module

DIM = 32


def clustered(rows: int, seed: int = 0) -> np.ndarray:
    """Unit vectors around some centres, as embeddings are; every twentieth one twice."""
    dice = np.random.default_rng(seed)
    centres = dice.normal(size=(40, DIM))
    vectors = centres[dice.integers(0, 40, rows)] + 0.7 * dice.normal(size=(rows, DIM))
    vectors[19::20] = vectors[18::20][: len(vectors[19::20])]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def written() -> np.ndarray:
    """The rows as they are in the block: writing normalises once more, which may round another way."""
    rows = clustered(6000)
    return (rows / np.linalg.norm(rows, axis=1)[:, None]).astype(np.float16).astype(np.float32)


@pytest.fixture(scope="module", params=["exact", "hnsw", "ivfpq", "mixed"])
def held(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[View]:
    """A view of 6,000 items less some dead ones, in segments of one kind or of all."""
    root = tmp_path_factory.mktemp("recall")
    catalog = Catalog(f"sqlite:///{root / 'catalog.sqlite'}")
    with catalog.write() as session:
        Base.metadata.create_all(session.connection())
    workspace_id = catalog.workspace_id("default")
    with catalog.write() as session:
        space = Space(workspace_id=workspace_id, kind="text", stamp="s" * 64, dim=DIM)
        session.add(space)
        session.flush()
        space_id = space.id
    ids, vectors = np.arange(6000) * 3, clustered(6000)
    shuffled = np.random.default_rng(5).permutation(6000)
    with pytest.MonkeyPatch.context() as patch:
        rows = {"exact": (10**9, 10**9), "hnsw": (100, 10**9), "ivfpq": (100, 100), "mixed": (500, 2000)}
        patch.setattr(kinds_module, "HNSW_ROWS", rows[request.param][0])
        patch.setattr(kinds_module, "IVFPQ_ROWS", rows[request.param][1])
        for start, stop in ((0, 300), (300, 1700), (1700, 6000)):
            some = shuffled[start:stop]
            pending = write_segment(catalog, root, space_id, ids[some], vectors[some])
            with catalog.write() as session:
                pending.commit(session)
        with catalog.write() as session:
            remove_items(session, [space_id], ids[::50])
        yield SpaceReader(catalog, root, space_id, small_rows=400).view
    catalog.close()


def truth(queries: np.ndarray, mask: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Brute force over what lives: the k-th best cosine, and how many there are."""
    scores = queries @ written().T
    alive = np.ones(6000, dtype=np.bool_)
    alive[::50] = False
    alive[alive] = mask
    scores[:, ~alive] = -np.inf
    return -np.sort(-scores, axis=1)[:, :k], alive


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    share=st.sampled_from([1.0, 0.95, 0.5, 0.2, 0.05, 0.005, 0.0]),
    k=st.sampled_from([1, 2, 10, 50, 200]),
    queries=st.sampled_from([1, 3, 17]),
    seed=st.integers(0, 2**31),
    by_ids=st.booleans(),
)
def test_always_k_hits_of_what_passes(
    held: View, share: float, k: int, queries: int, seed: int, by_ids: bool
) -> None:
    dice = np.random.default_rng(seed)
    mask = dice.random(len(held.ids)) < share
    asked = clustered(queries, seed)
    found_by = {"allowed": held.ids[mask]} if by_ids else {"mask": mask}
    scores, found = held.search(asked, k, **found_by)
    best, alive = truth(asked, mask, k)
    some = min(k, int(alive.sum()))
    assert (found[:, :some] >= 0).all() and (found[:, some:] == -1).all()
    assert np.isneginf(scores[:, some:]).all()
    for row in found[:, :some]:
        assert len(set(row.tolist())) == some
        assert alive[row // 3].all()
    # What was found has the cosine that the block gives it, best first, equal ones by id.
    rows = written()[found[:, :some] // 3]
    np.testing.assert_allclose(scores[:, :some], np.einsum("qd,qkd->qk", asked, rows), atol=1e-4)
    drops = np.diff(scores[:, :some], axis=1)
    assert (drops <= 0).all()
    assert (np.diff(found[:, :some], axis=1)[drops == 0] > 0).all()
    # A filter that is used again has rows of its own from the second time on.
    selection = held.select(mask)
    for _ in range(3):
        again = held.search(asked, k, selection=selection)
        np.testing.assert_allclose(again[0][:, :some], scores[:, :some], atol=1e-6)
        np.testing.assert_array_equal(again[1], found)
    hits = scores[:, :some] >= best[:, some - 1 : some] - 1e-4 if some else np.ones(1)
    # These queries lie around other centres than the data, unlike those that an index was tuned on.
    assert hits.mean() >= 0.7 or hits.size < 100


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 0.01])
def test_recall_is_what_it_was_tuned_to(held: View, share: float) -> None:
    mask = np.random.default_rng(3).random(len(held.ids)) < share
    asked = clustered(400, seed=11)
    scores, _ = held.search(asked, 10, mask=mask)
    best, _ = truth(asked, mask, 10)
    assert (scores >= best[:, -1:] - 1e-5).mean() >= 0.985


def test_all_filtered(held: View) -> None:
    for nothing in ({"mask": np.zeros(len(held.ids), dtype=np.bool_)}, {"allowed": np.array([1, 10**12])}):
        scores, found = held.search(clustered(2, 1), 5, **nothing)
        assert (found == -1).all() and np.isneginf(scores).all()


def test_more_than_there_are(held: View) -> None:
    _, found = held.search(clustered(2, 1), 7000)
    assert ((found >= 0).sum(axis=1) == len(held.ids)).all()
    assert sorted(found[0][found[0] >= 0].tolist()) == held.ids.tolist()


def test_what_is_asked_is_checked(held: View) -> None:
    with pytest.raises(DimensionError):
        held.search(clustered(1), 5, mask=np.ones(3, dtype=np.bool_))
    with pytest.raises(InputError):
        held.search(clustered(1), 0)


def test_ids_and_all_agree(held: View) -> None:
    ids, vectors = held.all()
    assert ids is held.ids and (np.diff(ids) > 0).all() and len(ids) == len(held) == 5880
    np.testing.assert_allclose(vectors, clustered(6000)[ids // 3], atol=1e-3)
    np.testing.assert_array_equal(held.vectors(ids[::-1]), vectors[::-1])
    assert held.large == bool(held.indexed)
