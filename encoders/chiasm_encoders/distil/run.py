"""The identity of a training run, and the folder that it leaves."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional

from chiasm_encoders.distil.config import StudentConfig, decisive
from chiasm_encoders.distil.mark import drop_mark, write_mark
from chiasm_encoders.distil.supervision import Supervision
from chiasm_encoders.durable import write_whole
from chiasm_encoders.student import STUDENT_FORMAT

__all__ = [
    "part_columns",
    "run_identity",
    "training_vectors",
    "write_student",
    "write_training_vectors",
]

#: Bytes of media that go into a run's identity; more would cost more than they tell.
_SAMPLED_BYTES = 1 << 24
_TRAINING_VECTORS = "training_vectors.safetensors"


def run_identity(config: StudentConfig, supervision: Supervision, media: np.ndarray, seed: int) -> str:
    """SHA-256 over everything that a run's outcome depends on; of large media a regular sample."""
    digest = hashlib.sha256(json.dumps([type(config).__name__, decisive(config), seed]).encode())
    arrays: list[np.ndarray] = [
        supervision.owner,
        supervision.train,
        supervision.valid,
        *supervision.neighbours,
    ]
    if supervision.targets is not None:
        arrays.append(supervision.targets)
    rows = max(1, media.nbytes // max(1, len(media)))
    arrays.append(media[:: max(1, media.nbytes // _SAMPLED_BYTES)] if rows else media)
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(str(media.shape).encode())
    return digest.hexdigest()


def part_columns(sizes: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Columns `(start, stop)` of each part, in this order."""
    columns, start = {}, 0
    for name, size in sizes.items():
        columns[name] = (start, start + size)
        start += size
    return columns


def write_training_vectors(out: Path, items: np.ndarray, vectors: Tensor) -> None:
    """Writes unit vectors `(items, dim)` in half precision with the positions of their items."""
    rows = functional.normalize(vectors, dim=1).half().cpu().contiguous()
    positions = torch.from_numpy(np.ascontiguousarray(items, np.int64))
    write_whole(out / _TRAINING_VECTORS, save({"items": positions, "vectors": rows}))


def training_vectors(folder: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Item positions `(n,)` and vectors `(n, dim)` as if each item had been left out; None if not kept."""
    path = folder / _TRAINING_VECTORS
    if not path.is_file():
        return None
    stored = load_file(path)
    return stored["items"].numpy(), stored["vectors"].float().numpy()


def write_student(out: Path, modality: str, run: str, shape: dict[str, Any], model: nn.Module) -> Path:
    """Writes weights, then the configuration that makes them a student, marks both, drops the checkpoint."""
    drop_mark(out)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    write_whole(out / "model.safetensors", save(weights))
    config = {"format": STUDENT_FORMAT, "modality": modality, "run": run, "model": shape}
    write_whole(out / "config.json", json.dumps(config, indent=1).encode())
    write_mark(out, run)
    (out / "checkpoint.safetensors").unlink(missing_ok=True)
    return out
