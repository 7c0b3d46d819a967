"""Distillation in a home opened in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chiasm.client.embedded.tenant import Tenant

__all__ = ["Distilled"]


class Distilled(Tenant):
    """The part of the backend that makes small encoders."""

    def distill(
        self,
        *,
        max_mb: float,
        max_ms: float,
        modality: str,
        min_retention: float,
        release: str | None,
        kinds: Sequence[str],
        corpus: Sequence[str],
        overrides: Mapping[str, str],
        seed: int,
    ) -> int:
        """The id of a job that distills a student of a release's encoder."""
        from chiasm.releases.submit_distill import submit_distill

        return submit_distill(
            self.home.settings,
            self.home.catalog,
            self.workspace_id,
            max_mb=max_mb,
            max_ms=max_ms,
            modality=modality,
            min_retention=min_retention,
            release=release,
            kinds=kinds,
            corpus=corpus,
            overrides=overrides,
            seed=seed,
        )
