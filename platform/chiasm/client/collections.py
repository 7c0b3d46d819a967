"""Releases, schedules and jobs of a knowledge base, as things to list and act on."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chiasm.client.job import Job, JobProgress
from chiasm.client.protocol import Backend, JsonDict
from chiasm.errors import NotFoundError

__all__ = ["Jobs", "Releases", "Schedules"]


class Releases:
    """Trained releases; one of them answers."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __iter__(self) -> Iterator[JsonDict]:
        return iter(self.list())

    def __getitem__(self, name: str) -> JsonDict:
        return self.show(name)

    def list(self) -> list[JsonDict]:
        """All releases, newest first."""
        return self._backend.releases()

    def show(self, name: str | None = None) -> JsonDict:
        """One release (default: the one that answers) with metrics and gate, as in `show("r7")`.

        Raises:
            NotFoundError: There is no such release, or none answers yet.
        """
        if name is None:
            name = next((row["release"] for row in self.list() if row["state"] == "active"), None)
        if name is None:
            raise NotFoundError(
                "no release is active yet", where="release", remedy="train one with `chiasm train`"
            )
        return self._backend.release(name)

    def diff(self, first: str, second: str) -> JsonDict:
        """What differs between two releases."""
        return self._backend.diff_releases(first, second)

    def card(self, name: str) -> str:
        """A release's model card: what it is, in Markdown, made of facts that are kept anyway."""
        return self._backend.release_card(name)

    def preview(self, name: str, *, against: str | None = None, queries: int = 100, k: int = 10) -> JsonDict:
        """What would change if this release answered instead of another one (the active one by default).

        Args:
            name: The release, as in `r7`.
            against: The other one.
            queries: Asked at most: saved ones, recent ones, then titles.
            k: Hits compared of each.

        Returns:
            `{"a", "b", "churn", "domains", "modalities", "changed": [{"query", "churn", "a": [...], "b": [...]}]}`.
        """
        return self._backend.preview_release(name, against=against, queries=queries, k=k)

    def promote(self, name: str, *, watch_s: float = 0.0) -> JsonDict:
        """Let a release answer from now on.

        Args:
            name: The release.
            watch_s: So long it is rolled back by itself where its searches fail or take longer than before.
        """
        return self._backend.promote(name, watch_s=watch_s)

    def rollback(self) -> JsonDict:
        """Let the release before answer again."""
        return self._backend.rollback()

    def canary(self, name: str, *, share: float = 0.1) -> JsonDict:
        """Let a release answer a share of the searches; the same query always goes the same way."""
        return self._backend.start_trial(name, kind="canary", share=share)

    def shadow(self, name: str, *, share: float = 1.0) -> JsonDict:
        """Ask a release, too, without showing its answers; differences are counted."""
        return self._backend.start_trial(name, kind="shadow", share=share)

    def stop(self) -> JsonDict:
        """End the canary or shadow that is on; what came of it."""
        return self._backend.stop_trial()

    def trials(self) -> builtins.list[JsonDict]:
        """Watches, canaries and shadows, newest first, with what was seen of both releases."""
        return self._backend.trials()

    def queries(self) -> builtins.list[JsonDict]:
        """Queries that previews ask: saved ones, and recent ones where `sampled_queries` is set."""
        return self._backend.kept_queries()

    def save_query(
        self, name: str, *, text: str | None = None, entity: str | None = None, into: str | None = None
    ) -> JsonDict:
        """Save a text or an entity as a query that previews ask."""
        return self._backend.save_query(name, text=text, entity=entity, into=into)

    def drop_query(self, name: str) -> None:
        """Remove a saved query."""
        self._backend.drop_query(name)

    def export(self, file: str | Path, release: str | None = None) -> JsonDict:
        """Write a release (default: the one that answers) as one signed file; `{"file", "release", "bytes", "files"}`.

        Raises:
            SettingsError: There is no key to sign with (`CHIASM_BUNDLE_KEY`).
            ConflictError: It is not finished.
        """
        return self._backend.export_release(release, Path(file))

    def load(self, file: str | Path, *, at_once: bool = False) -> Job:
        """A job that takes a release from a file and builds its spaces of this catalogue; then it is a candidate.

        ``at_once``: already when vectors of the active release stand in; its own are made once it answers.

        Raises:
            InputError: It is no bundle, not signed with this home's key, or does not fit this catalogue.
            DamagedError: It is cut short, or a file in it is not what was put in.
        """
        return Job(self._backend, self._backend.import_release(Path(file), at_once=at_once))


class Schedules:
    """Jobs that are asked for by the clock or by new data."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __iter__(self) -> Iterator[JsonDict]:
        return iter(self.list())

    def list(self) -> list[JsonDict]:
        """All schedules by name."""
        return self._backend.schedules()

    def add(
        self,
        name: str,
        *,
        cron: str | None = None,
        timezone: str = "UTC",
        when_new: float | None = None,
        when_drift: float | None = None,
        when_metric: str | None = None,
        if_running: str = "skip",
        if_missed: str = "once",
        job: str = "train",
        **params: Any,
    ) -> JsonDict:
        """A new schedule: by the clock, by conditions of which one is enough, or by the clock if one holds then.

        Args:
            name: One line of text, unique in the workspace.
            cron: Five fields; due times are those of `timezone`.
            timezone: IANA name, as in `Europe/Berlin`.
            when_new: Fire when this share (0 to 1] of the entities is new since the last release.
            when_drift: Fire when their vectors are this far (0 to 1] from those that were there before.
            when_metric: Fire when a figure of the release in use falls below a bound, as in `accept_rate<0.6`.
            if_running: While a job of an earlier run has not ended: `skip`, `queue` or `replace`.
            if_missed: Of runs that nobody looked for in time: `once`, `all` or `skip`.
            job: train or evaluate.
            params: Of the job, as in `recipe="offline"`.

        Raises:
            UsageError: Neither clock nor condition, or one of the values cannot be used.
            ConflictError: The name is taken.
        """
        when = {
            "cron": cron,
            "timezone": timezone,
            "when_new": when_new,
            "when_drift": when_drift,
            "when_metric": when_metric,
            "if_running": if_running,
            "if_missed": if_missed,
        }
        return self._backend.add_schedule(name, when=when, job=job, params=params)

    def history(self, name: str, *, limit: int = 50) -> builtins.list[JsonDict]:
        """What came of a schedule's runs, newest first: `{"due_at", "outcome", "job", "release", "note", ...}`."""
        return self._backend.schedule_runs(name, limit=limit)

    def pause(self, name: str) -> JsonDict:
        """Fire no more until resumed."""
        return self._backend.change_schedule(name, "pause")

    def resume(self, name: str) -> JsonDict:
        """Fire again from the next due time."""
        return self._backend.change_schedule(name, "resume")

    def remove(self, name: str) -> JsonDict:
        """Forget a schedule; its past jobs stay."""
        return self._backend.change_schedule(name, "remove")

    def run(self, name: str) -> Job:
        """Ask for the schedule's job now."""
        return Job(self._backend, int(self._backend.change_schedule(name, "run")["job_id"]))


class Jobs:
    """What was asked, newest first."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __iter__(self) -> Iterator[JobProgress]:
        return iter(self.list())

    def __getitem__(self, job_id: int) -> Job:
        self._backend.job(job_id)
        return Job(self._backend, job_id)

    def list(self, *, limit: int = 50, state: str | None = None) -> list[JobProgress]:
        """Progress of the newest jobs."""
        return [JobProgress.from_dict(row) for row in self._backend.jobs(limit=limit, state=state)]
