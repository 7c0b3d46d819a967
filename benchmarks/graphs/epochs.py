"""Seconds of one epoch of ComplEx against all entities, in both directions: ours, or PyKEEN's.

    python -m benchmarks.graphs.epochs ours|pykeen TRAIN_TSV EPOCHS

Equal: rank 256, Adagrad, cross-entropy over all entities, no regularisation, no dropout, reciprocal relations. A batch of
ours is 1,000 triples, which share the rows of their queries; PyKEEN's batch is as many queries as ours has on average.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

_RANK, _BATCH = 256, 1000


def main() -> None:
    """Print the seconds of each epoch but the first."""
    who, file, epochs = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    times = (_ours if who == "ours" else _pykeen)(file, epochs + 1)
    print(json.dumps([after - before for before, after in pairwise(times)]))


def _data(file: Path) -> Any:
    from chiasm_graph.link_prediction import LinkData

    lines = file.read_text(encoding="utf-8").splitlines()
    return LinkData.from_triples([tuple(line.split("\t")) for line in lines])  # type: ignore[misc]


def _ours(file: Path, epochs: int) -> list[float]:
    from chiasm_graph.link_prediction import LinkConfig, LinkTrainer

    config = LinkConfig(dim=2 * _RANK, batch_size=_BATCH, max_epochs=epochs, judge_every=epochs)
    times: list[float] = []
    LinkTrainer(_data(file), config, progress=lambda report: times.append(time.perf_counter())).fit()
    return times


def _pykeen(file: Path, epochs: int) -> list[float]:
    import numpy as np
    import torch
    from pykeen.models import ComplEx
    from pykeen.training import LCWATrainingLoop, TrainingCallback
    from pykeen.triples import TriplesFactory

    from chiasm_graph.link_prediction.batches import query_batches
    from chiasm_graph.link_prediction.queries import Queries, both_directions

    data = _data(file)
    queries = Queries.group(both_directions(data.train, data.num_relations))
    sizes = [len(batch.heads) for batch in query_batches(queries, _BATCH, np.random.default_rng(0))]
    factory = TriplesFactory.from_path(file, create_inverse_triples=True)
    model = ComplEx(
        triples_factory=factory, embedding_dim=_RANK, loss="CrossEntropyLoss", regularizer=None, random_seed=0
    )
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
    times: list[float] = []

    class Clock(TrainingCallback):  # type: ignore[misc]
        def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
            times.append(time.perf_counter())

    loop = LCWATrainingLoop(model=model, triples_factory=factory, optimizer=optimizer)
    loop.train(
        triples_factory=factory,
        num_epochs=epochs,
        batch_size=round(sum(sizes) / len(sizes)),
        use_tqdm=False,
        use_tqdm_batch=False,
        callbacks=Clock(),
    )
    return times


if __name__ == "__main__":
    main()
