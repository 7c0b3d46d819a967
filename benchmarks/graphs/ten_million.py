"""Ten million triples: kept, mapped, sampled from, and trained on; seconds of each and the largest resident memory."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from chiasm_graph import NeighbourSampler
from chiasm_graph.link_prediction import LinkConfig, LinkModel
from chiasm_graph.link_prediction.batches import query_batches
from chiasm_graph.link_prediction.objective import batch_losses
from chiasm_graph.link_prediction.queries import Queries, both_directions
from chiasm_graph.store import Columns, Names, TripleTable, load_table, save_table

_TRIPLES, _NODES, _RELATIONS = 10_000_000, 2_000_000, 100
_DIM, _BATCH, _STEPS, _SAMPLES = 64, 50_000, 20, 20


def main() -> None:
    """Do it and print it."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        save_table(_table(), Path(folder) / "graph")
        found["write_s"] = time.perf_counter() - began
        began = time.perf_counter()
        table = load_table(Path(folder) / "graph").table
        found["load_s"] = time.perf_counter() - began
        found["disk_gib"] = sum(path.stat().st_size for path in Path(folder).rglob("*.*")) / 2**30
        began = time.perf_counter()
        sampler, generator = NeighbourSampler(table.triples, (15, 10)), np.random.default_rng(0)
        sampler.sample([0], generator)
        found["index_s"] = time.perf_counter() - began
        began = time.perf_counter()
        for _ in range(_SAMPLES):
            sampler.sample(generator.integers(0, _NODES, 1024), generator)
        found["sample_ms"] = (time.perf_counter() - began) / _SAMPLES * 1e3
        found |= _trained(table)
    unit = 1 if sys.platform == "darwin" else 1024
    found["peak_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
    print(json.dumps(found))


def _table() -> TripleTable:
    generator = np.random.default_rng(0)
    tails = (generator.pareto(1.2, _TRIPLES) * _NODES / 100).astype(np.int64) % _NODES
    edges = Columns.of(
        generator.integers(0, _NODES, _TRIPLES), generator.integers(0, _RELATIONS, _TRIPLES), tails
    )
    names = Names.of(f"http://example.org/entity/Q{number}" for number in range(_NODES))
    return TripleTable(names, Names.of(f"http://example.org/P{n}" for n in range(_RELATIONS)), edges)


def _trained(table: TripleTable) -> dict[str, float]:
    """Steps of ComplEx with shared negatives over all triples in both directions."""
    config = LinkConfig(dim=_DIM, batch_size=_BATCH, negatives=256, optimizer="adagrad")
    began = time.perf_counter()
    triples = np.stack([table.edges.heads, table.edges.relations, table.edges.tails], axis=1).astype(np.int64)
    queries = Queries.group(both_directions(triples, _RELATIONS))
    del triples
    model = LinkModel.build("complex", _NODES, _RELATIONS, _DIM, scale=1e-3, seed=0)
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
    prepared = time.perf_counter()
    draws, order = torch.Generator().manual_seed(0), np.random.default_rng(0)
    losses = []
    for batch in islice(query_batches(queries, _BATCH, order), _STEPS):
        loss = torch.stack([*batch_losses(model, batch, config, draws).values()]).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    if not losses[-1] < losses[0]:
        raise SystemExit(f"nothing was learned: {losses}")
    step_s = (time.perf_counter() - prepared) / _STEPS
    return {"prepare_s": prepared - began, "step_s": step_s, "triples_per_s": _BATCH / step_s}


if __name__ == "__main__":
    main()
