"""The knowledge base: one class, whether the home is embedded or behind a service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from chiasm.client.asking import Asking
from chiasm.client.classifying import Classifying
from chiasm.client.collections import Jobs, Releases, Schedules
from chiasm.client.distilling import Distilling
from chiasm.client.duplicates import Duplicates, Merging
from chiasm.client.entity import Entity
from chiasm.client.feedback import Feedback
from chiasm.client.given import sorted_out
from chiasm.client.graph import Graph
from chiasm.client.job import Job
from chiasm.client.protocol import Backend, JsonDict, Promote
from chiasm.client.removal import Removal
from chiasm.errors import UsageError

if TYPE_CHECKING:
    from chiasm.archive import Watch

__all__ = ["KnowledgeBase"]

_PAGE = 500


class KnowledgeBase(Asking, Classifying, Distilling, Removal, Merging):
    """Linked text, pictures and sound that are searched as one space.

    Made by `chiasm.open` (embedded) or `chiasm.connect` (a service); both have the same methods.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.duplicates = Duplicates(backend)
        self.feedback = Feedback(backend)
        self.graph = Graph(backend)
        self.jobs = Jobs(backend)
        self.releases = Releases(backend)
        self.schedules = Schedules(backend)

    def __enter__(self) -> KnowledgeBase:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<KnowledgeBase {self._backend!r}>"

    def __len__(self) -> int:
        return int(self.describe()["entities"])

    def describe(self) -> JsonDict:
        """Counts of entities, assets and statements, domains, and the active release."""
        return self._backend.describe()

    def close(self) -> None:
        """Give connections and models back."""
        self._backend.close()

    # -- data in ---------------------------------------------------------------------------------

    def ingest(
        self,
        source: Any,
        *more: str | Path,
        domain: str | None = None,
        mode: str = "update",
        triples: str | Path | Iterable[str | Path] | None = None,
        idempotency_key: str | None = None,
        if_revision: int | None = None,
    ) -> Job:
        """A job that takes in manifests, triples files, folders of media, or records.

        Args:
            source: A path, a record (as a manifest line), an iterable of one sort (a generator of records is
                written out as it comes, never held), or a data frame (pandas, polars, Arrow) with the columns
                of a record.
            more: Further paths.
            domain: Domain of lines that name none.
            mode: `update`: fields that are present replace; `replace`: the rest is cleared.
            triples: Files to read as triples whatever they look like.
            idempotency_key: Same key, same job: asking twice does it once.
            if_revision: With one record: it is written only if its entity still has this revision, else it is a
                failure of the job. Records of a list each take a field `if_revision`.

        Raises:
            UsageError: The mode is unknown, or paths and records are mixed.
            InputError: A path does not exist.
        """
        if mode not in ("update", "replace"):
            raise UsageError(f"unknown mode {mode!r}", remedy="use update or replace")
        paths, records = sorted_out(source, more, if_revision)
        if records is not None:
            if triples:
                raise UsageError("triples go with paths", remedy="call it once with each")
            return self._job(
                self._backend.ingest_records(
                    records, domain=domain, mode=mode, idempotency_key=idempotency_key
                )
            )
        listed = [triples] if isinstance(triples, (str, Path)) else list(triples or ())
        job_id = self._backend.ingest_paths(
            paths,
            domain=domain,
            mode=mode,
            triples=[Path(item) for item in listed],
            idempotency_key=idempotency_key,
        )
        return self._job(job_id)

    # -- data out --------------------------------------------------------------------------------

    def backup(self, file: str | Path, *, watch: Watch | None = None) -> JsonDict:
        """Write the whole home, all workspaces of it, into one file; what it holds.

        Args:
            file: Packed if it ends in `.gz`, `.tgz` or `.zst`; `chiasm.client.restore_embedded` reads it.
            watch: Told how far it is.

        Raises:
            DamagedError: Something in the home does not match its checksum.
        """
        return self._backend.backup(Path(file), watch=watch)

    def export(self, folder: str | Path, *, format: str = "jsonl", watch: Watch | None = None) -> JsonDict:  # noqa: A002
        """Write entities, media and statements as jsonl, parquet, ntriples or graphml; what was written."""
        return self._backend.export(Path(folder), form=format, watch=watch)

    # -- training --------------------------------------------------------------------------------

    def train(
        self,
        recipe: str | Path = "offline",
        *,
        seed: int = 0,
        overrides: Mapping[str, Any] | None = None,
        promote: Promote = "gate",
        parent: str | None = None,
        gate: Mapping[str, Any] | None = None,
        at_once: bool = False,
    ) -> Job:
        """A job that trains a release; its result is `{release, state, gate}`.

        Args:
            recipe: `offline`, `pretrained`, or a YAML file.
            seed: Same seed and data, same release.
            overrides: Recipe keys to change, as in `{"fusion.dim": 128}`.
            promote: `gate`: if it is better; False: never; `force`: whatever the metrics say.
            parent: Release to start from.
            gate: Rules that differ from the shipped ones, as in `{"lines": {"loss": 0.05}}`.
            at_once: It answers as soon as it is judged; what it has still to make stands in, mapped from the one before.
        """
        if promote not in ("gate", "force", False, True):
            raise UsageError(f"unknown promote {promote!r}", remedy="use 'gate', 'force' or False")
        changes = {name: str(value) for name, value in (overrides or {}).items()}
        mode: Promote = "gate" if promote is True else promote
        job_id = self._backend.train(
            recipe=str(recipe),
            overrides=changes,
            seed=seed,
            promote=mode,
            parent=parent,
            gate=gate,
            at_once=at_once,
        )
        return self._job(job_id)

    def advise(self) -> JsonDict:
        """A proposal for `train` from what is held and what the machine can do, with the time to expect.

        Returns:
            `{"data", "machine", "proposal": {"recipe", "overrides", "encoders", "command"}, "expected", "reasons",
            "warnings"}`. The machine is the one that answers: of a service, the service's.
        """
        return self._backend.advise()

    def evaluate(self, release: str | None = None) -> Job:
        """A job that judges a release (default: the active one); its result is the report."""
        return self._job(self._backend.evaluate(release=release))

    def evaluations(self, *, limit: int = 20) -> list[JsonDict]:
        """Reports made so far, newest first."""
        return self._backend.evaluations(limit=limit)

    def schedule(
        self,
        name: str,
        *,
        cron: str | None = None,
        timezone: str = "UTC",
        when_new: float | None = None,
        job: str = "train",
        **more: Any,
    ) -> JsonDict:
        """Ask for a job by the clock (`cron`) or when enough is new (`when_new`); what else it takes: `schedules.add`."""
        return self.schedules.add(name, cron=cron, timezone=timezone, when_new=when_new, job=job, **more)

    def workers(self) -> list[JsonDict]:
        """Workers that live: `host`, `pid`, `device`, `seen_at`, and of each of their `lanes` the unit it is at."""
        return self._backend.workers()

    def notices(self, *, limit: int = 50) -> list[JsonDict]:
        """Outcomes, newest first, and whether webhook and mail took them: `id`, `event`, `at`, `body`, `deliveries`."""
        return self._backend.notices(limit=limit)

    def job(self, job_id: int) -> Job:
        """A job by its id.

        Raises:
            NotFoundError: There is no such job.
        """
        return self.jobs[job_id]

    # -- answers ---------------------------------------------------------------------------------

    def entity(self, key: str) -> Entity:
        """An entity by its key.

        Raises:
            NotFoundError: There is no such entity.
        """
        return Entity(self._backend, self._backend.entity(key))

    def entities(
        self,
        *,
        domain: str | None = None,
        where: str | Mapping[str, Any] | None = None,
        stubs: bool = False,
    ) -> Iterator[JsonDict]:
        """Entities in order of arrival, without their assets."""
        cursor: int | None = 0
        while cursor is not None:
            page = self._backend.entities(domain=domain, where=where, stubs=stubs, cursor=cursor, limit=_PAGE)
            yield from page["entities"]
            cursor = page["next_cursor"]

    def doctor(self, *, repair: bool = False, full: bool = False) -> JsonDict:
        """What is sound in the home and what is not: `{"healthy", "checks": [...], "jobs": [...]}`.

        Args:
            repair: Mend what is derived. Vectors that must be computed again are done by the jobs named.
            full: Read every blob whole, not only a sample.
        """
        return self._backend.doctor(repair=repair, full=full)

    def _job(self, job_id: int) -> Job:
        return Job(self._backend, job_id)
