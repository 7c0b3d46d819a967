"""Nanoseconds a half-edge: our sampler, PyG's with torch-sparse where that is installed, and a bare gather.

Processor time of the one thread that all three use: other work on the machine adds less to it than to the clock's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import numpy as np

from chiasm_graph import NeighbourSampler, Triples

_NODES, _TRIPLES, _RELATIONS = 1_000_000, 5_000_000, 50
_SEEDS, _FANOUT = 4096, (15, 10)
_ROUNDS = 31


def main() -> None:
    """Time the three in turn, on the same seeds."""
    generator = np.random.default_rng(0)
    graph = _graph(generator)
    sampler = NeighbourSampler(graph, _FANOUT)
    indices = graph.adjacency.neighbour
    pyg = _pyg(graph)
    found: dict[str, list[float]] = {"ours": [], "gather": [], "gather_alone": [], "pyg": []}
    for number in range(_ROUNDS + 3):
        seeds = generator.integers(0, _NODES, _SEEDS)
        times = {"ours": _timed(lambda s=seeds: len(sampler.sample(s, generator).sources))}
        size = times["ours"][1]
        times["gather"] = _timed(lambda n=size: len(indices[generator.integers(0, len(indices), n)]))
        places = generator.integers(0, len(indices), size)
        times["gather_alone"] = _timed(lambda p=places: len(indices[p]))
        if pyg is not None:
            times["pyg"] = _timed(lambda s=seeds: pyg(s))
        # The first ones build what is built when first used.
        if number >= 3:
            for name, (seconds, edges) in times.items():
                found[name].append(seconds / edges * 1e9)
    print(json.dumps(found))


def _graph(generator: np.random.Generator) -> Triples:
    """Heads alike, tails of a heavy tail: hubs with tens of thousands of edges."""
    tails = (generator.pareto(1.5, _TRIPLES) * _NODES / 50).astype(np.int64) % _NODES
    return Triples(
        generator.integers(0, _NODES, _TRIPLES),
        generator.integers(0, _RELATIONS, _TRIPLES),
        tails,
        num_nodes=_NODES,
        num_relations=_RELATIONS,
    )


def _pyg(graph: Triples) -> Callable[[np.ndarray], int] | None:
    try:
        import torch_sparse  # noqa: F401 - PyG looks for it
    except (ImportError, OSError):
        return None
    import torch
    from torch_geometric.data import Data
    from torch_geometric.sampler import NeighborSampler, NodeSamplerInput

    ends = np.stack([graph.heads, graph.tails])[:, graph.heads != graph.tails]
    both = torch.from_numpy(np.concatenate([ends, ends[::-1]], axis=1))
    sampler = NeighborSampler(Data(edge_index=both, num_nodes=graph.num_nodes), list(_FANOUT))

    def sample(seeds: np.ndarray) -> int:
        out = sampler.sample_from_nodes(NodeSamplerInput(None, torch.from_numpy(np.unique(seeds))))
        return len(out.row)

    return sample


def _timed(call: Callable[[], int]) -> tuple[float, int]:
    began = time.thread_time()
    edges = call()
    return time.thread_time() - began, max(1, edges)


if __name__ == "__main__":
    main()
