"""A text student that was distilled: tokenizer and net in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chiasm_encoders.batches import length_batches
from chiasm_encoders.errors import EncoderInputError
from chiasm_encoders.onnx_student import OnnxStudent
from chiasm_encoders.protocol import Vectors, empty_vectors, normalised
from chiasm_encoders.text.student_tokens import token_arrays

__all__ = ["OnnxTextEncoder"]

#: Tokens, padding included, that go through the net at once.
_CELLS = 2048


class OnnxTextEncoder(OnnxStudent):
    """Texts to vectors in the space of the teacher that it was distilled from.

    Args:
        folder: With `tokenizer.json` and `model.onnx`.
        config: As `OnnxStudent`.
        fingerprint: As `OnnxStudent`.
    """

    modality = "text"

    def __init__(self, folder: Path, config: Mapping[str, Any], fingerprint: str) -> None:
        from tokenizers import Tokenizer

        super().__init__(folder, config, fingerprint)
        self._tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))

    def encode(self, batch: Sequence[Any], /) -> Vectors:
        """Unit vectors of the texts, `(batch, dim)`."""
        for item in batch:
            if not isinstance(item, str):
                raise EncoderInputError(f"a text encoder takes str, not {type(item).__name__}")
        if not batch:
            return empty_vectors(self.dim)
        if len(batch) == 1:
            return self._forward([self._tokenizer.encode(batch[0], add_special_tokens=False).ids])
        rows = [one.ids for one in self._tokenizer.encode_batch(list(batch), add_special_tokens=False)]
        vectors = np.empty((len(rows), self.dim), np.float32)
        for some in length_batches([len(row) for row in rows], _CELLS):
            vectors[some] = self._forward([rows[at] for at in some])
        return vectors

    def _forward(self, rows: Sequence[Sequence[int]]) -> Vectors:
        ids, mask = token_arrays(rows)
        return normalised(self._session.run({"ids": ids, "mask": mask}))
