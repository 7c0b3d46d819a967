"""What text students are taught: texts, and what the teacher says of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from chiasm.errors import translated
from chiasm.fusion.checkpoints import read_tensors, write_tensors
from chiasm.training.distillation import Report
from chiasm.training.progress import Stop, Stopped

if TYPE_CHECKING:
    from chiasm_encoders import Encoder
    from chiasm_encoders.distil import TextTeaching

__all__ = ["text_teaching"]

_CHUNK = 2048


def text_teaching(
    teacher: Encoder,
    texts: Sequence[str],
    held_out: frozenset[str],
    folder: Path,
    report: Report,
    stop: Stop,
) -> TextTeaching:
    """Texts with what the teacher says of them, kept in a folder so that a run which was stopped asks it once.

    Words that the tokenizer knows whole are lessons too, as queries are made of them; but for those held out.

    Raises:
        Stopped: `stop` said so.
    """
    from chiasm_encoders.distil import FrozenTeacher, TextTeaching
    from chiasm_encoders.text.student_tokens import student_tokenizer, vocabulary_texts

    frozen = FrozenTeacher(teacher)
    tokenizer = student_tokenizer(teacher, texts)
    names = vocabulary_texts(tokenizer)
    asked = [*names, *texts]
    digest = hashlib.sha256(
        "\0".join([teacher.fingerprint, *asked]).encode(errors="surrogatepass")
    ).hexdigest()
    file = folder / f"told-{digest[:16]}.safetensors"
    if not file.is_file():
        parts = []
        for start in range(0, len(asked), _CHUNK):
            if stop():
                raise Stopped
            with translated():
                # Half of the memory; rounded here too, so that a run that goes on equals one that was not stopped.
                parts.append(frozen(asked[start : start + _CHUNK]).astype(np.float16))
            report("asking the teacher", start / len(asked))
        write_tensors(file, {"told": np.concatenate(parts)})
    told = read_tensors(file, None)["told"].float().numpy()
    known = frozenset(texts) | held_out
    whole = [at for at, name in enumerate(names) if name.isalnum() and name.lower() not in known]
    lessons = [*texts, *(names[at] for at in whole)]
    vectors = np.concatenate([told[len(names) :], told[whole]])
    return TextTeaching(lessons, [vectors], tokenizer, told[: len(names)], teacher.fingerprint)
