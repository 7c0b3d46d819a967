"""Duplicates, as the knowledge base offers them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chiasm.client.job import Job
from chiasm.client.protocol import Backend, JsonDict

__all__ = ["Duplicates", "Merging"]

_PAGE = 500


class Merging:
    """The part of the knowledge base that makes one entity of several, and several of one."""

    _backend: Backend

    def merge(self, keep: str, *others: str) -> JsonDict:
        """Merge entities into one, whose further names their keys are from now on; undone by `unmerge`.

        The kept entity gets the others' texts, media and statements; its own title and attributes win.

        Returns:
            `{"key", "merged": [keys], "job"}`: the job that makes search right, None if that is not needed.

        Raises:
            NotFoundError: There is no such entity.
            ConflictError: One of the others is part of another entity already.
        """
        return self._backend.merge(keep, others)

    def unmerge(self, key: str) -> JsonDict:
        """Make a merged entity what it was; what came since stays with the one that it was part of.

        Returns:
            `{"key", "kept", "job"}`.

        Raises:
            NotFoundError: It was not merged.
            ConflictError: What it was merged into was merged itself later.
        """
        return self._backend.unmerge(key)


class Duplicates:
    """Entities that may be one thing: `kb.duplicates`; called, it lists them."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __iter__(self) -> Iterator[JsonDict]:
        return self.list()

    def __call__(self, **asked: Any) -> Iterator[JsonDict]:
        """The pairs of `list`."""
        return self.list(**asked)

    def find(
        self, *, domain: str | None = None, modality: str | None = None, min_confidence: float = 0.9
    ) -> Job:
        """A job that compares all entities; what it finds is in `list()` afterwards.

        Args:
            domain: Look within it only.
            modality: Look at text, image or audio only.
            min_confidence: Pairs that are less sure are not kept.
        """
        job_id = self._backend.find_duplicates(
            domain=domain, modality=modality, min_confidence=min_confidence
        )
        return Job(self._backend, job_id)

    def list(
        self,
        *,
        state: str = "found",
        domain: str | None = None,
        modality: str | None = None,
        min_confidence: float = 0.0,
    ) -> Iterator[JsonDict]:
        """Pairs, the surest first: `{"keys", "titles", "confidence", "evidence", "state", "job", "updated_at"}`.

        Args:
            state: found, merged or dismissed.
            domain: Both are of it.
            modality: Something of this modality speaks for the pair.
            min_confidence: At least so sure.
        """
        offset = 0
        while True:
            page = self._backend.duplicates(
                state=state,
                domain=domain,
                modality=modality,
                min_confidence=min_confidence,
                limit=_PAGE,
                offset=offset,
            )
            yield from page
            offset += len(page)
            if len(page) < _PAGE:
                return

    def dismiss(self, one: str, other: str) -> None:
        """Say that two entities are two things; no search reports them again."""
        self._backend.dismiss_duplicate(one, other)
