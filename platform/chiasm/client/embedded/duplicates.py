"""Duplicates, on a home opened in this process."""

from __future__ import annotations

from collections.abc import Sequence

from chiasm.client.embedded.tenant import Tenant
from chiasm.client.protocol import JsonDict

__all__ = ["Duplicates"]


class Duplicates(Tenant):
    """The part of the backend that finds, merges and takes apart."""

    def find_duplicates(self, *, domain: str | None, modality: str | None, min_confidence: float) -> int:
        """The id of a job that compares all entities."""
        from chiasm.duplicates import submit_find

        home = self.home
        return submit_find(
            home.settings,
            home.catalog,
            self.workspace_id,
            domain=domain,
            modality=modality,
            min_confidence=min_confidence,
        )

    def duplicates(
        self,
        *,
        state: str,
        domain: str | None,
        modality: str | None,
        min_confidence: float,
        limit: int,
        offset: int,
    ) -> list[JsonDict]:
        """Pairs, the surest first."""
        from chiasm.duplicates import list_pairs

        with self.home.catalog.read() as session:
            return list_pairs(
                session,
                self.workspace_id,
                state=state,
                domain=domain,
                modality=modality,
                min_confidence=min_confidence,
                limit=limit,
                offset=offset,
            )

    def merge(self, keep: str, others: Sequence[str]) -> JsonDict:
        """`{"key", "merged", "job"}`: merged at once, the job makes search right."""
        from chiasm.duplicates import merge_entities

        done = merge_entities(self.home.catalog, self.workspace_id, keep, others)
        self._woken(done.job_id)
        return {"key": done.key, "merged": done.merged, "job": done.job_id}

    def unmerge(self, key: str) -> JsonDict:
        """`{"key", "kept", "job"}`: taken apart at once, the job makes search right."""
        from chiasm.duplicates import unmerge_entity

        done = unmerge_entity(self.home.settings, self.home.catalog, self.workspace_id, key)
        self._woken(done.job_id)
        return {"key": done.key, "kept": done.kept, "job": done.job_id}

    def dismiss_duplicate(self, one: str, other: str) -> None:
        """Say that two entities are two things."""
        from chiasm.duplicates import dismiss

        dismiss(self.home.catalog, self.workspace_id, one, other)
