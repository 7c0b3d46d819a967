"""A small catalogue written by hand-made vectors: topics with words, pictures near their topics."""

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pytest

from chiasm.fusion.recipe import Recipe, load_recipe
from chiasm.training import SnapshotWriter, split_of

TINY = {
    "fusion.dim": "32", "fusion.prefixes": "[8]", "fusion.width": "32", "fusion.heads": "2", "fusion.layers": "1",
    "graph.dim": "32", "graph.fanout": "[6, 3]", "training.batch": "32", "training.epochs": "2",
    "training.checkpoint_steps": "3",
}  # fmt: skip


@pytest.fixture
def tiny_recipe() -> Callable[..., Recipe]:
    return lambda **more: load_recipe(
        "offline", {**TINY, **{k.replace("__", "."): v for k, v in more.items()}}
    )


@pytest.fixture
def write_snapshot(tmp_path) -> Callable[..., Path]:
    def write(
        count: int = 60,
        without: Collection[str] = (),
        name: str = "snapshot",
        edges: bool = True,
        words: int = 20,
    ) -> Path:
        generator = np.random.default_rng(0)
        topics = generator.normal(size=(8, 16))
        writer = SnapshotWriter(
            tmp_path / name, "test", 7, ["has_word", "next_to"] if edges else [], {"text": "t", "image": "i"}
        )
        total = count + words
        topic = np.arange(total) % 8
        writer.add_entities(
            {
                "id": list(range(100, 100 + total)),
                "key": [f"e:{i}" for i in range(total)],
                "domain": [("left", "right")[i % 2] if i < count else "word" for i in range(total)],
                "title": [f"thing {i}" for i in range(total)],
                "stub": [i >= count for i in range(total)],
                "split": ["train"] * total,
            }
        )
        writer.add_attributes(
            {
                "entity": list(range(count)),
                "name": ["topic"] * count,
                "value": [f"topic {t}" for t in topic[:count]],
            }
        )
        columns: dict[str, list] = {n: [] for n in ("id", "entity", "modality", "sha256", "lang", "role", "split", "value", "row")}  # fmt: skip # noqa: E501
        features: dict[str, list] = {"text": [], "image": []}
        for entity in range(total):
            kinds = ["text", "text", "image"] if entity < count else ["text"]
            # The last entity has nothing but its edges, the one before no picture.
            if count > 1:
                kinds = [] if entity == count - 1 else ["text"] if entity == count - 2 else kinds
            for kind in kinds:
                if kind in without:
                    continue
                vector = topics[topic[entity]][: 16 if kind == "text" else 8]
                vector = vector + 0.7 * generator.normal(size=len(vector))
                number = len(columns["id"])
                columns["id"].append(number)
                columns["entity"].append(entity)
                columns["modality"].append(kind)
                columns["sha256"].append(f"{number:064d}")
                columns["lang"].append("en")
                columns["role"].append("")
                columns["split"].append(split_of("test", f"{number:064d}", {"test": 0.1, "valid": 0.2}))
                columns["value"].append(f"text {number}" if kind == "text" else None)
                columns["row"].append(len(features[kind]))
                features[kind].append(vector / np.linalg.norm(vector))
        writer.add_assets(columns)
        if edges:
            heads = np.concatenate([np.arange(count), np.arange(count - 1)])
            tails = np.concatenate([count + (np.arange(count) % words), np.arange(1, count)])
            writer.add_triples(
                {
                    "head": heads.tolist(),
                    "relation": [0] * count + [1] * (count - 1),
                    "tail": tails.tolist(),
                    "split": [
                        split_of("test", f"{i}", {"test": 0.1, "valid": 0.1}) for i in range(len(heads))
                    ],
                }
            )
        for kind, rows in features.items():
            if rows:
                writer.write_features(kind, np.array(rows))
        writer.close()
        return tmp_path / name

    return write
