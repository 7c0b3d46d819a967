"""Distillation, as the knowledge base offers it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chiasm.client.job import Job
from chiasm.client.protocol import Backend
from chiasm.errors import NotFoundError

__all__ = ["Distilling", "corpus_lines"]


class Distilling:
    """The part of the knowledge base that makes small encoders of large ones."""

    _backend: Backend

    def distill(
        self,
        *,
        max_mb: float,
        max_ms: float,
        modality: str = "text",
        min_retention: float = 0.95,
        release: str | None = None,
        kinds: Sequence[str] = (),
        corpus: str | Path | Iterable[str] | None = None,
        overrides: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> Job:
        """A job that finds the smallest student within a budget that keeps enough of its teacher's hit@10.

        The teacher is a release's encoder. If one keeps enough, it encodes queries from then on wherever there is no
        GPU; its vectors lie in the teacher's space, so nothing is embedded again. The setting `query_encoder` brings
        the teacher back.

        Args:
            max_mb: Megabytes of all its files.
            max_ms: Milliseconds of one query on one core of the machine that works.
            modality: text, image or audio.
            min_retention: Share of the teacher's hit@10 on held-out queries.
            release: Whose encoder teaches; default the one that answers.
            kinds: Of nets that are tried, the smallest first: static, lstm, transformer of texts, residual and mobile of
                pictures and sounds; or names of single ones, as in `static-128`. None tries all of the modality.
            corpus: Further lines to teach a text student with: a text file, or the lines.
            overrides: Options of the training to change, as in `{"max_steps": 6000}`.
            seed: Same seed and data, same student.

        Returns:
            The job; its result is `{release, modality, budget, teacher, trials, student, best}`, where `student` is
            None if none keeps enough.

        Raises:
            UsageError: A limit is no positive number, or a name is not known.
            RecipeError: An option is not known, or of another type.
            NotFoundError: There is no such release or file, or the release has no such encoder.
            MissingDependencyError: What students are stored with is not installed.
        """
        job_id = self._backend.distill(
            max_mb=max_mb,
            max_ms=max_ms,
            modality=modality,
            min_retention=min_retention,
            release=release,
            kinds=list(kinds),
            corpus=corpus_lines(corpus),
            overrides={name: str(value) for name, value in (overrides or {}).items()},
            seed=seed,
        )
        return Job(self._backend, job_id)


def corpus_lines(corpus: str | Path | Iterable[str] | None) -> list[str]:
    """Lines of a text file, or as given.

    Raises:
        NotFoundError: There is no such file.
    """
    if corpus is None:
        return []
    if not isinstance(corpus, str | Path):
        return [str(line) for line in corpus]
    try:
        return Path(corpus).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise NotFoundError(
            f"cannot be read: {error.strerror}", where=str(corpus), remedy="name a text file, a text a line"
        ) from error
