"""Releases listed, compared, tried, swapped and rolled back by a home opened in this process."""

from __future__ import annotations

from chiasm.client.embedded.tenant import Tenant
from chiasm.client.protocol import JsonDict

__all__ = ["Releasing"]


class Releasing(Tenant):
    """The part of the backend about releases."""

    def releases(self) -> list[JsonDict]:
        """Releases, newest first."""
        from chiasm.releases.store import list_releases

        return [row.to_dict() for row in list_releases(self.home.catalog, self.workspace_id)]

    def release(self, name: str) -> JsonDict:
        """One release in full."""
        from chiasm.releases.store import show_release

        return show_release(self.home.catalog, self.workspace_id, name).to_dict()

    def diff_releases(self, first: str, second: str) -> JsonDict:
        """What differs between two releases."""
        from chiasm.releases.store import diff_releases

        return diff_releases(self.home.catalog, self.workspace_id, first, second)

    def release_card(self, name: str) -> str:
        """A release's model card, in Markdown."""
        from chiasm.releases.card import release_card

        return release_card(self.home.settings, self.home.catalog, self.workspace_id, name)

    def preview_release(self, name: str, *, against: str | None, queries: int, k: int) -> JsonDict:
        """How the answers of two releases differ."""
        from chiasm.releases.preview import preview

        return preview(
            self.home.catalog,
            self.home.searcher(),
            self.workspace_id,
            name,
            against,
            queries=queries,
            k=k,
        )

    def promote(self, name: str, *, watch_s: float) -> JsonDict:
        """Let a release answer from now on."""
        from chiasm.releases.swap import promote

        done = promote(self.home.catalog, self.workspace_id, name, watch_s=watch_s).to_dict()
        self._follow()
        return done

    def rollback(self) -> JsonDict:
        """Let the release before answer again."""
        from chiasm.releases.swap import rollback

        done = rollback(self.home.catalog, self.workspace_id).to_dict()
        self._follow()
        return done

    def start_trial(self, name: str, *, kind: str, share: float) -> JsonDict:
        """Put a release beside the active one."""
        from chiasm.releases.trials import start_trial

        done = start_trial(self.home.catalog, self.workspace_id, name, kind=kind, share=share)
        self._follow()
        return done

    def stop_trial(self) -> JsonDict:
        """End the canary or shadow that is on."""
        from chiasm.releases.trials import stop_trial

        return stop_trial(self.home.catalog, self.workspace_id)

    def trials(self) -> list[JsonDict]:
        """Trials, newest first."""
        from chiasm.releases.trials import trial_reports

        return trial_reports(self.home.catalog, self.workspace_id)

    def kept_queries(self) -> list[JsonDict]:
        """Queries that previews ask."""
        from chiasm.releases.kept_queries import kept_queries

        return kept_queries(self.home.catalog, self.workspace_id)

    def save_query(self, name: str, *, text: str | None, entity: str | None, into: str | None) -> JsonDict:
        """Save a query under a name."""
        from chiasm.releases.kept_queries import save_query

        return save_query(self.home.catalog, self.workspace_id, name, text=text, entity=entity, into=into)

    def drop_query(self, name: str) -> None:
        """Remove a saved query."""
        from chiasm.releases.kept_queries import drop_query

        drop_query(self.home.catalog, self.workspace_id, name)

    def _follow(self) -> None:
        """Wake whoever works: the release may have something to catch up with."""
        from chiasm import jobs

        jobs.wake(self.home.settings)
