"""Texts to token numbers for a student: the teacher's own tokenizer, or one learned from the texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chiasm_encoders.protocol import Encoder

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["MAX_TOKENS", "student_tokenizer", "token_arrays", "vocabulary_texts"]

#: Tokens of a query that a student reads.
MAX_TOKENS = 64
#: Of a tokenizer that is learned; enough for word pieces of any catalogue.
_VOCABULARY = 8192
_UNKNOWN = "[UNK]"


def student_tokenizer(teacher: Encoder, texts: Sequence[str]) -> Tokenizer:
    """A tokenizer without marks for beginning and end, that truncates and does not pad.

    Args:
        teacher: Whose tokenizer is taken, where it has one.
        texts: What word pieces are learned from where it has none.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    own: Any = getattr(teacher, "tokenizer", None)
    if isinstance(own, Tokenizer):
        tokenizer = Tokenizer.from_str(own.to_str())
    else:
        tokenizer = Tokenizer(models.WordPiece(unk_token=_UNKNOWN))
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(
            vocab_size=_VOCABULARY, special_tokens=[_UNKNOWN], show_progress=False
        )
        tokenizer.train_from_iterator(texts, trainer)
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def vocabulary_texts(tokenizer: Tokenizer) -> list[str]:
    """What each token stands for, by its number; word pieces without their mark."""
    names: list[str] = [""] * tokenizer.get_vocab_size()
    for name, number in tokenizer.get_vocab().items():
        names[number] = name.removeprefix("##") or name
    return names


def token_arrays(rows: Sequence[Sequence[int]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Padded numbers and where there is a token, each `(batch, longest)`; a text without any has one unknown."""
    longest = max(1, max((len(row) for row in rows), default=1))
    ids = np.zeros((len(rows), longest), np.int64)
    mask = np.zeros((len(rows), longest), np.bool_)
    mask[:, 0] = True
    for at, row in enumerate(rows):
        ids[at, : len(row)] = row
        mask[at, : len(row)] = True
    return ids, mask
