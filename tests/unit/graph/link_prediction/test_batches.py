import numpy as np
import pytest
import torch

from chiasm_graph.link_prediction.batches import query_batches
from chiasm_graph.link_prediction.queries import Queries


def queries(seed: int = 0) -> Queries:
    generator = np.random.default_rng(seed)
    # One hub of 60 tails among 200 triples.
    hub = np.stack([np.zeros(60), np.zeros(60), np.arange(60)], axis=1)
    rest = np.unique(generator.integers(0, (30, 4, 60), (140, 3)), axis=0)
    return Queries.group(np.unique(np.concatenate([hub, rest]).astype(np.int64), axis=0))


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("batch_size", [1, 16, 64, 1000])
def test_an_epoch_has_every_triple_once(batch_size, whole):
    given = queries()
    seen = []
    batches = [*query_batches(given, batch_size, np.random.default_rng(0), whole=whole)]
    for batch in batches:
        heads, relations = batch.heads[batch.owners], batch.relations[batch.owners]
        seen += zip(heads.tolist(), relations.tolist(), batch.tails.tolist(), strict=True)
        assert torch.bincount(batch.owners, minlength=len(batch.heads)).tolist() == batch.counts.tolist()
    owner, place = given.tails_of(np.arange(len(given)))
    wanted = zip(given.heads[owner], given.relations[owner], given.tails[place], strict=True)
    assert sorted(seen) == sorted((int(h), int(r), int(t)) for h, r, t in wanted)
    if not whole:
        assert max(len(batch.tails) for batch in batches) < batch_size + max(1, batch_size // 8)


def test_a_hub_is_cut_unless_it_must_stay_whole():
    batches = [*query_batches(queries(), 64, np.random.default_rng(0))]
    assert max(int(batch.counts.max()) for batch in batches) == 8
    whole = [*query_batches(queries(), 64, np.random.default_rng(0), whole=True)]
    assert max(int(batch.counts.max()) for batch in whole) >= 60
    pairs = [(h, r) for b in whole for h, r in zip(b.heads.tolist(), b.relations.tolist(), strict=True)]
    assert len(pairs) == len(set(pairs))


def test_the_order_is_the_generators():
    first, same, other = (
        [b.tails.tolist() for b in query_batches(queries(), 32, np.random.default_rng(seed))]
        for seed in (1, 1, 2)
    )
    assert first == same != other
