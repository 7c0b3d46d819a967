"""The operations of a knowledge base on a home opened in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chiasm.client.embedded import contents, describe, entities, evaluations, graph, outward, schedules
from chiasm.client.embedded.classifying import Classified
from chiasm.client.embedded.distilling import Distilled
from chiasm.client.embedded.duplicates import Duplicates
from chiasm.client.embedded.feedback import FeedbackTaken
from chiasm.client.embedded.home import OpenHome
from chiasm.client.embedded.questions import to_hits, to_queries
from chiasm.client.embedded.reasoning import Reasoned
from chiasm.client.embedded.releasing import Releasing
from chiasm.client.embedded.removal import Removal
from chiasm.client.embedded.understanding import Understanding
from chiasm.client.embedded.work import Work
from chiasm.client.hits import Hits
from chiasm.client.media import Medium
from chiasm.client.protocol import JsonDict, Promote, SearchRequest
from chiasm.client.records import with_contents

if TYPE_CHECKING:
    from chiasm.archive import Watch
    from chiasm.media import Decoder

__all__ = ["EmbeddedBackend"]


class EmbeddedBackend(
    Work, Releasing, Removal, Classified, Distilled, Duplicates, Reasoned, Understanding, FeedbackTaken
):
    """Implements `chiasm.client.protocol.Backend` for one workspace of an open home.

    Args:
        home: Shared by all backends of a process.
        workspace_id: Tenant; default the setting `workspace`.
        isolate: Whether query media are decoded in a limited child process (what strangers send).
    """

    def __init__(self, home: OpenHome, *, workspace_id: int | None = None, isolate: bool = False) -> None:
        super().__init__(home, workspace_id=workspace_id)
        self._isolate = isolate

    def __repr__(self) -> str:
        return f"embedded in {self.home.settings.home}"

    # -- data in, training -----------------------------------------------------------------------

    def ingest_paths(
        self,
        paths: Sequence[Path],
        *,
        domain: str | None,
        mode: str,
        triples: Sequence[Path],
        idempotency_key: str | None,
    ) -> int:
        """The id of a job that ingests local files or folders."""
        from chiasm.ingest.submit import submit_ingest

        return submit_ingest(
            self.home.settings,
            self.home.catalog,
            self.workspace_id,
            paths,
            domain=domain,
            mode=mode,
            triples=triples,
            idempotency_key=idempotency_key,
        )

    def ingest_records(
        self,
        records: Iterable[Mapping[str, Any]],
        *,
        domain: str | None,
        mode: str,
        idempotency_key: str | None,
    ) -> int:
        """The id of a job that ingests records."""
        from chiasm.ingest.submit import submit_records

        return submit_records(
            self.home.settings,
            self.home.catalog,
            self.workspace_id,
            map(with_contents, records),
            domain=domain,
            mode=mode,
            idempotency_key=idempotency_key,
            # What is left as a path is not there; the reader says so for its record alone.
            root=Path.cwd(),
        )

    def train(
        self,
        *,
        recipe: str,
        overrides: Mapping[str, str],
        seed: int,
        promote: Promote,
        parent: str | None,
        gate: Mapping[str, Any] | None,
        at_once: bool,
    ) -> int:
        """The id of a job that trains a release."""
        from chiasm.releases.submit import submit_train

        return submit_train(
            self.home.settings,
            self.home.catalog,
            self.workspace_id,
            recipe=recipe,
            overrides=overrides,
            seed=seed,
            promote=promote,
            parent=parent,
            gate=gate,
            at_once=at_once,
        )

    def advise(self) -> JsonDict:
        """What to train with, and how long it will take; nothing is changed."""
        from chiasm.releases.advice import advise

        return advise(self.home.settings, self.home.catalog, self.workspace_id)

    def evaluate(self, *, release: str | None) -> int:
        """The id of a job that judges a release."""
        from chiasm.releases.submit import submit_evaluate

        return submit_evaluate(self.home.settings, self.home.catalog, self.workspace_id, release=release)

    def evaluations(self, *, limit: int) -> list[JsonDict]:
        """Reports made so far, newest first."""
        with self.home.catalog.read() as session:
            return evaluations.list_evaluations(session, self.workspace_id, limit=limit)

    # -- answers ---------------------------------------------------------------------------------

    def search(self, request: SearchRequest) -> Hits:
        """The best entities."""
        return self.search_batch([request])[0]

    def search_batch(self, requests: Sequence[SearchRequest]) -> list[Hits]:
        """The answer to each of several searches, all from the same state."""
        decoder = self.home.decoder() if self._isolate else None
        queries = to_queries(requests, decoder)
        answers = self.home.searcher().search_batch(self.workspace_id, queries)
        return [to_hits(answer, self.media) for answer in answers]

    def _decoder(self) -> Decoder | None:
        return self.home.decoder() if self._isolate else None

    def describe(self) -> JsonDict:
        """Counts and the active release."""
        with self.home.catalog.read() as session:
            return describe.describe_workspace(session, self.workspace_id)

    def entity(self, key: str) -> JsonDict:
        """One entity with assets and relations."""
        with self.home.catalog.read() as session:
            return entities.read_entity(session, self.workspace_id, key)

    def entities(
        self,
        *,
        domain: str | None,
        where: str | Mapping[str, Any] | None,
        stubs: bool,
        cursor: int,
        limit: int,
    ) -> JsonDict:
        """A page of entities."""
        with self.home.catalog.read() as session:
            return entities.entity_page(
                session,
                self.workspace_id,
                domain=domain,
                where=where,
                stubs=stubs,
                cursor=cursor,
                limit=limit,
            )

    def media(self, key: str) -> list[Medium]:
        """The first picture and the first sound of an entity."""
        return contents.first_media(self.home, self.workspace_id, key)

    def asset(self, asset_id: int) -> Medium:
        """The content of one picture or sound."""
        return contents.asset_content(self.home, self.workspace_id, asset_id)

    def neighbours(self, key: str, *, hops: int, limit: int) -> JsonDict:
        """Edges and nodes around an entity."""
        with self.home.catalog.read() as session:
            return graph.neighbours(session, self.workspace_id, key, hops=hops, limit=limit)

    def triples(self, *, after: int = 0) -> Iterator[JsonDict]:
        """Every statement of the graph whose id is beyond `after`."""
        return graph.all_triples(self.home.catalog, self.workspace_id, after=after)

    # -- schedules -------------------------------------------------------------------------------

    def export_release(self, name: str | None, file: Path) -> JsonDict:
        """A release is written as one signed file."""
        from chiasm.releases.bundles import export_release

        return export_release(self.home.settings, self.home.catalog, self.workspace_id, name, file)

    def import_release(self, file: Path, *, at_once: bool) -> int:
        """The id of a job that builds the spaces of a release from a file."""
        from chiasm.releases.bundles import import_release

        home = self.home
        return import_release(home.settings, home.catalog, self.workspace_id, file, at_once=at_once)

    def schedules(self) -> list[JsonDict]:
        """Schedules by name."""
        from chiasm.jobs.schedules import list_all

        return [row.to_dict() for row in list_all(self.home.catalog, self.workspace_id)]

    def add_schedule(
        self, name: str, *, when: Mapping[str, Any], job: str, params: Mapping[str, Any]
    ) -> JsonDict:
        """A new schedule."""
        from chiasm.jobs.schedules import add

        return add(self.home.catalog, self.workspace_id, name, job=job, params=params, **when).to_dict()

    def schedule_runs(self, name: str, *, limit: int) -> list[JsonDict]:
        """What came of a schedule's runs, newest first."""
        from chiasm.jobs.history import history

        return history(self.home.catalog, self.workspace_id, name, limit=limit)

    def change_schedule(self, name: str, action: str) -> JsonDict:
        """Pause, resume, remove or run a schedule."""
        return schedules.change_schedule(self.home, self.workspace_id, name, action)

    def workers(self) -> list[JsonDict]:
        """Workers that live, and the unit that each of their lanes is at."""
        from chiasm.jobs.roll import list_workers

        with self.home.catalog.read() as session:
            return list_workers(session, self.workspace_id)

    def notices(self, *, limit: int) -> list[JsonDict]:
        """Outcomes, newest first, and how far each is on its way."""
        from chiasm.releases.notify import list_notices

        with self.home.catalog.read() as session:
            return list_notices(session, self.workspace_id, limit=limit)

    def backup(self, file: Path, *, watch: Watch | None = None) -> JsonDict:
        """Write the whole home into a file."""
        return outward.backup_home(self.home, file, watch)

    def export(self, folder: Path, *, form: str, watch: Watch | None = None) -> JsonDict:
        """Write what users gave into a folder."""
        return outward.export_home(self.home, self.workspace_id, folder, form, watch)

    def doctor(self, *, repair: bool, full: bool) -> JsonDict:
        """What is sound in the home, of all its workspaces, and what is not."""
        from chiasm import jobs
        from chiasm.upkeep import examine

        report = examine(self.home, repair=repair, full=full)
        if report.jobs:
            jobs.wake(self.home.settings)
        return report.to_dict()

    def close(self) -> None:
        """Give connections and models back."""
        self.home.close()
