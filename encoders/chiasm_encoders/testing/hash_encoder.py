"""A double: a vector from the content's hash, in constant time and without weights."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from chiasm_encoders.errors import EncoderInputError, SpecError
from chiasm_encoders.protocol import Vectors, empty_vectors, normalised
from chiasm_encoders.waveform import Waveform

__all__ = ["HashEncoder", "load_hash_encoder"]

_KINDS: dict[str, type] = {"text": str, "image": np.ndarray, "audio": Waveform}


def load_hash_encoder(what: str, device: str) -> HashEncoder:
    """The double for a spec such as `hash:image/64`.

    Raises:
        SpecError: no such modality, or a dimension that is none.
    """
    modality, _, dim = what.partition("/")
    if modality not in _KINDS or not dim.isdigit() or int(dim) < 2:
        raise SpecError("malformed spec", where=f"hash:{what}", remedy="write hash:MODALITY/DIM")
    return HashEncoder(modality, int(dim))


class HashEncoder:
    """Equal items get equal vectors, different items unrelated ones.

    Args:
        modality: "text", "image" or "audio".
        dim: Length of a vector.
    """

    def __init__(self, modality: str, dim: int) -> None:
        self.modality = modality
        self.dim = dim
        self.fingerprint = hashlib.sha256(f"shake {modality} {dim}".encode()).hexdigest()

    def encode(self, batch: Sequence[Any], /) -> Vectors:
        """Unit vectors of the items, `(batch, dim)`."""
        if not batch:
            return empty_vectors(self.dim)
        digests = b"".join(self._digest(item) for item in batch)
        # Odd steps around zero: no vector can be zero.
        steps = np.frombuffer(digests, dtype=np.uint8).reshape(len(batch), self.dim)
        return normalised(steps.astype(np.float32) - np.float32(127.5))

    def _digest(self, item: Any) -> bytes:
        if not isinstance(item, _KINDS[self.modality]):
            raise EncoderInputError(f"this encoder takes {self.modality}, not {type(item).__name__}")
        content = item.samples if isinstance(item, Waveform) else item
        raw = content.encode() if isinstance(content, str) else np.ascontiguousarray(content).tobytes()
        return hashlib.shake_128(raw).digest(self.dim)
