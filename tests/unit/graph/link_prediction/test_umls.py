"""Link prediction on real data, as long as a test may take: 6,529 facts of a medical thesaurus."""

import time

import numpy as np
import pytest

from chiasm_graph.link_prediction import (
    LinkData,
    LinkTrainer,
    filtered_ranks,
    link_metrics_of,
    load_link_recipe,
)


@pytest.mark.shared_data
@pytest.mark.slow
def test_umls_is_learned_in_seconds(shared_data):
    recipe = load_link_recipe("umls")
    data = LinkData.read(shared_data / "kg" / recipe.dataset)
    before = time.process_time()
    model = LinkTrainer(data, recipe.config).fit()
    known = np.concatenate([data.train, data.valid, data.test])
    metrics = link_metrics_of(filtered_ranks(model, data.test, known))
    assert metrics.n == 2 * len(data.test)
    # Three seeds reach .921 to .936 and .997.
    assert metrics.mrr >= 0.90 and metrics.hits_10 >= 0.99
    # Of all cores together, so that other work beside does not count; 8 s on one slow core.
    assert time.process_time() - before < 20
