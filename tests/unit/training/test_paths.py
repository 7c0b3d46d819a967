import numpy as np
import pytest

from chiasm.errors import RecipeError
from chiasm.fusion.runtime import FusionModel
from chiasm.training import Snapshot, train
from chiasm.training.dataset import Dataset
from chiasm.training.index import index_entities
from chiasm.training.paths import PathViews, path_coder
from chiasm_graph import NodeFeatures, PathCoder, Triples


def chain() -> Triples:
    """Children below node 0, each below the one before; relation 1 says nothing."""
    return Triples(np.array([1, 2, 3, 4, 5]), np.array([0, 0, 0, 0, 1]), np.array([0, 1, 2, 3, 5]), num_nodes=6, num_relations=2)  # fmt: skip # noqa: E501


def test_a_recipe_names_its_trees():
    coder = path_coder(("below", "^other"), chain(), ["below", "other"], {"text"})
    assert coder is not None and coder.trees == ((0, True), (1, False))
    assert path_coder((), chain(), ["below", "other"], {"text"}) is None
    assert path_coder(("below",), chain(), ["below", "other"], {"image"}) is None
    with pytest.raises(RecipeError, match=r"graph\.paths names part_of.*below, other"):
        path_coder(("part_of",), chain(), ["below", "other"], {"text"})


def test_trees_are_found():
    heads = np.array([1, 2, 3, 4, 5, 6, 7])
    tree = Triples(heads, np.zeros(7, dtype=np.int64), (heads - 1) // 2, num_nodes=8, num_relations=1)
    coder = path_coder(("auto",), tree, ["below"], {"text"})
    assert coder is not None and coder.trees == ((0, True),)


def test_a_view_does_not_see_a_path_to_what_it_must_not_know():
    features = NodeFeatures({"text": np.eye(6, dtype=np.float32)}, {"text": np.ones(6, dtype=bool)})
    views = PathViews(PathCoder([(0, True)]), chain(), features)
    entities = np.array([4, 4, 4, 0, 3])
    hidden = np.array([-1, 1, 5, -1, -1])
    rows, codes = views.of(entities, hidden, np.array([True, True, True, True, False]))
    # 1 stands above 4; 0 has no path; the last row's is not shown.
    assert rows.tolist() == [0, 2]
    assert codes.shape == (2, 6) and (codes[:, 4] == 0).all()


def test_a_release_with_paths_fuses_them(tmp_path, write_snapshot, tiny_recipe):
    folder = write_snapshot()
    runs = [
        train(
            folder,
            tmp_path / name,
            tiny_recipe(training__epochs="1", graph__paths="[next_to]"),
            seed=1,
            report=lambda progress: None,
            stop=lambda: False,
        )
        for name in ("one", "two")
    ]
    assert runs[0].fingerprint == runs[1].fingerprint
    assert {"path", "graph"} <= set(runs[0].metrics["missing"]["text"] if "text" in runs[0].metrics["missing"] else
                                    next(iter(runs[0].metrics["missing"].values())))  # fmt: skip
    model = FusionModel.load(tmp_path / "one")
    assert model.paths is not None and model.feature_dims["path"] == model.feature_dims["text"]
    assert "path" not in model.modalities
    data = Dataset.read(Snapshot.open(folder))
    everything = np.ones(len(data.entity), bool), data.graph, np.arange(60)
    whole = index_entities(model, data, *everything)[0]
    without = index_entities(model, data, *everything, without=frozenset({"path"}))[0]
    moved = np.abs(whole - without).max(axis=1) > 1e-4
    codes = model.path_tokens(data.graph, data.node_features(everything[0]), np.arange(60))
    assert moved.any() and (moved <= np.isfinite(codes).all(axis=1)).all()
