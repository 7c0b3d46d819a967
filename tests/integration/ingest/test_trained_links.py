"""What a release's link scorer says in predictions, against the scorer itself."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from chiasm.errors import DamagedError
from chiasm.fusion.checkpoints import write_tensors
from chiasm.fusion.manifest import read_manifest, write_manifest
from chiasm.reasoning import PredictRequest, Reasoning
from chiasm.search import Searcher
from chiasm_graph import ComplexScorer

from .conftest import Home
from .test_fusing import FUSED_DIM, activate, fused
from .test_units import manifest

SCORER = "graph/scorer.safetensors"


def with_scorer(home: Home, relations: int) -> ComplexScorer:
    """A scorer that turns each relation its own way, in the folder of the release."""
    scorer = ComplexScorer(2 * relations, FUSED_DIM)
    scorer.reset(1.0, torch.Generator().manual_seed(0))
    root = home.settings.models_dir / "r1"
    write_tensors(root / SCORER, scorer.state_dict())
    about = read_manifest(root)
    about.pop("sha256")
    about["files"][SCORER] = hashlib.sha256((root / SCORER).read_bytes()).hexdigest()
    write_manifest(root, about)
    return scorer


def reasoner(home: Home) -> Reasoning:
    """As a new process would have it."""
    searcher = Searcher(home.settings, home.catalog, home.tools.models)
    return Reasoning(home.settings, searcher, home.catalog)


def test_the_release_has_its_say(home: Home, tmp_path: Path) -> None:
    space_id = activate(home, ["next", "is"])
    records = [
        {"key": f"e{n}", "title": f"thing {n}", "relations": [{"predicate": "next", "object": f"e{n + 1}"}]}
        for n in range(8)
    ]
    home.ingest(manifest(tmp_path, *records, {"key": "e8", "title": "last"}))
    asked = PredictRequest(relation="next", head="e2", k=20)
    assert reasoner(home).predict(home.workspace_id, asked)["trained"] is None
    scorer, reasoning = with_scorer(home, 2), reasoner(home)
    vectors = fused(home, space_id)
    keys = sorted(vectors)
    table = torch.from_numpy(np.stack([vectors[key] for key in keys]).astype(np.float32))
    for relation, end in ((0, "head"), (2, "tail")):
        found = reasoning.predict(
            home.workspace_id,
            PredictRequest(relation="next", k=20, **{end: "e2"}),  # type: ignore[arg-type]
        )["trained"]
        with torch.no_grad():
            scores = scorer.all_tails(table[keys.index("e2")][None], torch.tensor([relation]), table)[0]
        stated = {"head": "e3", "tail": "e1"}[end]
        wanted = [keys[at] for at in scores.argsort(descending=True) if keys[at] not in ("e2", stated)]
        assert [one["key"] for one in found["candidates"]] == wanted
        assert found["release"] == "r1" and found["candidates"][0]["rank"] == 1
        assert found["candidates"][0]["title"] == f"thing {wanted[0][1:]}" or wanted[0] == "e8"
    # A relation that came after it, and a file that is not as it was.
    home.ingest(
        manifest(tmp_path / "more", {"key": "e0", "relations": [{"predicate": "new", "object": "e5"}]})
    )
    newer = PredictRequest(relation="new", head="e2")
    assert reasoning.predict(home.workspace_id, newer)["trained"] is None
    path = home.settings.models_dir / "r1" / SCORER
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedError, match="checksum"):
        reasoner(home).predict(home.workspace_id, asked)
