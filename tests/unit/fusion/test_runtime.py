import itertools
import json

import numpy as np
import pytest
import torch

from chiasm.errors import DamagedError, DimensionError, InputError, NotFoundError, StampError
from chiasm.fusion.checkpoints import sha256_of
from chiasm.fusion.manifest import write_manifest
from chiasm.fusion.ranking import Ranking
from chiasm.fusion.recipe import load_recipe
from chiasm.fusion.runtime import FusionModel, build_gnn
from chiasm.fusion.transformer import build_fusion
from chiasm_graph import NodeFeatures, Triples

DIMS = {"text": 24, "image": 12, "audio": 8, "graph": 32}


def model() -> FusionModel:
    recipe = load_recipe(
        "offline",
        {
            "fusion.dim": "32",
            "fusion.prefixes": "[8, 16]",
            "fusion.width": "32",
            "fusion.heads": "2",
            "graph.dim": "32",
        },
    )
    fusion = build_fusion(recipe.fusion, DIMS)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    plain = recipe.to_dict()
    config = {
        "fusion": plain["fusion"],
        "graph": plain["graph"],
        "feature_dims": DIMS,
        "predicates": ["a", "b"],
    }
    return FusionModel(fusion, lambda: build_gnn(recipe.graph, DIMS, 2), config, Ranking(), "")


def item(*kinds: str, seed: int = 0, tokens: int = 2) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {k: generator.normal(size=(tokens, DIMS[k])).astype(np.float32) for k in kinds}


@pytest.fixture
def release(tmp_path):
    made = model()
    files = made.save_parts(tmp_path)
    write_manifest(
        tmp_path,
        {
            "files": {n: sha256_of(tmp_path / n) for n in files},
            "ranking": Ranking().to_dict(),
            "fusion": {"fingerprint": made.fingerprint},
        },
    )
    return tmp_path


def test_every_availability_pattern_gives_a_unit_vector():
    made = model()
    patterns = [c for n in range(1, 5) for c in itertools.combinations(DIMS, n)]
    vectors = made.fuse([item(*p) for p in patterns])
    assert vectors.shape == (15, 32) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    alone = np.concatenate([made.fuse([item(*p)]) for p in patterns])
    np.testing.assert_allclose(vectors, alone, atol=1e-5)


def test_order_of_items_and_tokens_does_not_matter_and_nan_is_absent():
    made = model()
    base = item("text", "graph")
    turned = {"graph": base["graph"], "text": base["text"][::-1]}
    absent = {**base, "image": np.full((1, 12), np.nan)}
    vectors = made.fuse([base, turned, absent])
    np.testing.assert_allclose(vectors[1:], np.repeat(vectors[:1], 2, axis=0), atol=1e-5)
    assert made.fuse([]).shape == (0, 32)


def test_weights_move_the_vector_towards_what_weighs_more():
    made = model()
    mixed, text = item("text", "image"), item("text")
    alone = made.fuse([text])[0]
    cosines = [made.fuse([mixed], weights={"image": w})[0] @ alone for w in (4.0, 1.0, 0.25, 0.0)]
    assert cosines == sorted(cosines)
    assert cosines[-1] == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({}, InputError),
        ({"text": np.zeros((0, 24))}, InputError),
        ({"smell": np.zeros((1, 3))}, InputError),
        ({"text": np.zeros((1, 23))}, DimensionError),
    ],
)
def test_what_cannot_be_fused(bad, error):
    with pytest.raises(error):
        model().fuse([item("text"), bad])


def test_graph_tokens_come_from_neighbours():
    made = model()
    generator = np.random.default_rng(0)
    graph = Triples([0, 1, 2], [0, 1, 0], [1, 2, 0], num_nodes=5, num_relations=2)
    values = {"text": generator.normal(size=(5, 24)).astype(np.float16)}
    before = made.graph_tokens(graph, NodeFeatures(values, {"text": np.ones(5, bool)}), [0, 4])
    assert np.isfinite(before[0]).all() and np.isnan(before[1]).all()
    values["text"] = values["text"].copy()
    values["text"][0] = 7
    after = made.graph_tokens(graph, NodeFeatures(values, {"text": np.ones(5, bool)}), [0, 4])
    assert before.tobytes() == after.tobytes()
    with pytest.raises(DimensionError, match="relations"):
        made.graph_tokens(Triples.empty(5), NodeFeatures({}, {}), [0])


def test_a_saved_model_comes_back_equal(release):
    loaded = FusionModel.load(release)
    np.testing.assert_array_equal(loaded.fuse([item("text")]), model().fuse([item("text")]))
    assert loaded.modalities == ("text", "image", "audio") and loaded.dim == 32


@pytest.mark.parametrize(
    "name", ["fusion/config.json", "fusion/model.safetensors", "graph/model.safetensors"]
)
def test_a_flipped_byte_is_found(release, name):
    data = bytearray((release / name).read_bytes())
    data[len(data) // 2] ^= 1
    (release / name).write_bytes(data)
    with pytest.raises(DamagedError):
        FusionModel.load(release)


def test_missing_files_and_foreign_weights(release, tmp_path):
    with pytest.raises(NotFoundError):
        FusionModel.load(tmp_path / "nowhere")
    data = json.loads((release / "release.json").read_text())
    data["fusion"]["fingerprint"] = "0" * 64
    write_manifest(release, data)
    with pytest.raises(StampError):
        FusionModel.load(release)
    (release / "release.json").write_text("{")
    with pytest.raises(DamagedError):
        FusionModel.load(release)
