"""Texts as lessons for a text student."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from chiasm_encoders.distil.imitation import Lessons
from chiasm_encoders.protocol import Vectors
from chiasm_encoders.text.student_tokens import token_arrays

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["text_lessons"]


def text_lessons(texts: Sequence[str], told: Sequence[Vectors], tokenizer: Tokenizer) -> Lessons:
    """Lessons of texts with what teachers say of each.

    Args:
        texts: Items.
        told: By each teacher `(items, its dim)`.
        tokenizer: The student's.
    """
    rows = [one.ids for one in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def inputs(items: Tensor) -> tuple[Tensor, ...]:
        ids, mask = token_arrays([rows[item] for item in items.tolist()])
        return torch.from_numpy(ids), torch.from_numpy(mask)

    digest = hashlib.sha256("\0".join(texts).encode(errors="surrogatepass")).hexdigest()
    lengths = np.array([max(1, len(row)) for row in rows], np.int64)
    return Lessons(inputs, told, digest, lengths)
