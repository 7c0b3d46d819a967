"""What a process sees of its searches, by release; and who answers while a release is on trial."""

from __future__ import annotations

import logging
import queue
import random
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select

from chiasm.catalog import Catalog
from chiasm.catalog.models import KeptQuery, ReleaseTraffic, ReleaseTrial
from chiasm.errors import ChiasmError, NotFoundError, UsageError
from chiasm.releases.arms import arm_of
from chiasm.releases.counts import Counts
from chiasm.releases.verdicts import judge_trials
from chiasm.search import Query, Searcher, SearchResult
from chiasm.search.state import State, Trial
from chiasm.settings import Settings

__all__ = ["Traffic"]

_log = logging.getLogger(__name__)
_EVERY_S = 1.0
#: After so long without a trial, and without queries to keep, nobody looks any more.
_REST_S = 30.0
#: Searches of the release that answers, which a watch is held against: the newest count the most. And releases, of all
#: workspaces.
_BASELINE, _RELEASES = 2000, 64
#: Searches that wait for the shadow; more are skipped.
_SHADOWS = 32
_OVERLAP_K = 10
#: Queries kept of one second.
_SAMPLES = 5


class Traffic:
    """Counts by release, written to SQL once a second while a trial is on.

    Args:
        settings: How many queries are kept.
        catalog: Where trials are.
        searcher: Who answers.
    """

    def __init__(self, settings: Settings, catalog: Catalog, searcher: Searcher) -> None:
        self._kept = settings.sampled_queries
        self._catalog = catalog
        self._searcher = searcher
        self._process = secrets.token_hex(8)
        self._lock = threading.Lock()
        #: Of the active release of each workspace, before any trial: (workspace, release) -> counts.
        self._before: OrderedDict[tuple[int, int], Counts] = OrderedDict()
        #: (trial, release) -> counts.
        self._on_trial: dict[tuple[int, int], Counts] = {}
        self._trials: dict[int, Trial] = {}
        self._samples: list[tuple[int, dict[str, Any]]] = []
        self._shadows: queue.Queue[tuple[State, Query, SearchResult]] = queue.Queue(_SHADOWS)
        self._thread: threading.Thread | None = None
        self._shadow_thread: threading.Thread | None = None
        self._touched = 0.0
        self._closed = threading.Event()

    def answer(self, state: State, queries: Sequence[Query]) -> list[SearchResult]:
        """The answer to each query, by the release that is active or by the one on trial, each by one alone.

        Raises:
            ChiasmError: As `Searcher.search_batch`.
        """
        trial = state.trial
        if self._kept:
            self._sample(state.workspace_id, queries)
        if trial is None or trial.kind != "canary":
            results = self._counted(state, queries, trial)
            if trial is not None and trial.kind == "shadow":
                self._offer(state, queries, results)
            return results
        answers: dict[int, SearchResult] = {}
        for chosen in (True, False):
            some = [n for n, query in enumerate(queries) if arm_of(query, trial) is chosen]
            if some:
                mine = [queries[n] for n in some]
                found = self._by_canary(state, mine, trial) if chosen else self._counted(state, mine, trial)
                answers |= dict(zip(some, found, strict=True))
        return [answers[n] for n in range(len(queries))]

    def close(self) -> None:
        """Write what was seen, and end."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _counted(self, state: State, queries: Sequence[Query], trial: Trial | None) -> list[SearchResult]:
        began = time.perf_counter()
        try:
            results = self._searcher.answered_from(state, queries)
        except Exception as error:
            if not isinstance(error, UsageError | NotFoundError):
                self._note(state, trial, len(queries), None, error)
            raise
        self._note(state, trial, len(queries), 1000.0 * (time.perf_counter() - began) / len(queries), None)
        return results

    def _by_canary(self, state: State, queries: Sequence[Query], trial: Trial) -> list[SearchResult]:
        began = time.perf_counter()
        try:
            found = self._searcher.answer_by(state.workspace_id, queries, trial.release_id)
        except (UsageError, NotFoundError):
            raise
        except Exception as error:  # noqa: BLE001 - counted; whoever asks gets the other release's answer
            _log.warning("the release on trial does not answer: %s", error)
            self._count(trial, trial.release_id, len(queries), None, error)
            return self._counted(state, queries, trial)
        ms = 1000.0 * (time.perf_counter() - began) / len(queries)
        self._count(trial, trial.release_id, len(queries), ms, None)
        return found

    def _note(
        self, state: State, trial: Trial | None, number: int, ms: float | None, error: Exception | None
    ) -> None:
        if state.release_id is None:
            return
        if trial is not None:
            self._count(trial, state.release_id, number, ms, error)
            return
        with self._lock:
            which = state.workspace_id, state.release_id
            counts = self._before.get(which)
            if counts is None:
                counts = self._before[which] = Counts()
                while len(self._before) > _RELEASES:
                    self._before.popitem(last=False)
            if counts.total >= _BASELINE:
                counts.halve()
            _add(counts, number, ms, error)

    def _count(
        self, trial: Trial, release_id: int, number: int, ms: float | None, error: Exception | None
    ) -> None:
        with self._lock:
            if trial.id not in self._trials:
                self._trials[trial.id] = trial
                for (_, other), before in self._before.items():
                    # What the release before it did is what a watched one is held against.
                    if trial.kind == "watch" and other == trial.against_id:
                        self._on_trial.setdefault((trial.id, other), Counts()).add(before)
            _add(self._on_trial.setdefault((trial.id, release_id), Counts()), number, ms, error)
        self._wake()

    # -- the shadow ------------------------------------------------------------------------------

    def _offer(self, state: State, queries: Sequence[Query], results: Sequence[SearchResult]) -> None:
        trial = state.trial
        assert trial is not None
        for query, result in zip(queries, results, strict=True):
            if not arm_of(query, trial) or query.cursor is not None:
                continue
            try:
                self._shadows.put_nowait((state, query, result))
            except queue.Full:
                with self._lock:
                    self._on_trial.setdefault((trial.id, trial.release_id), Counts()).skipped += 1
        with self._lock:
            if self._shadow_thread is None:
                self._shadow_thread = threading.Thread(target=self._shadow, name="shadow", daemon=True)
                self._shadow_thread.start()

    def _shadow(self) -> None:
        while not self._closed.is_set():
            try:
                state, query, shown = self._shadows.get(timeout=_EVERY_S)
            except queue.Empty:
                continue
            trial = state.trial
            assert trial is not None
            began = time.perf_counter()
            try:
                [other] = self._searcher.answer_by(state.workspace_id, [query], trial.release_id)
            except Exception as error:  # noqa: BLE001 - counted; nobody waits for it
                self._count(trial, trial.release_id, 1, None, error)
                continue
            self._count(trial, trial.release_id, 1, 1000.0 * (time.perf_counter() - began), None)
            ours, theirs = ([hit.key for hit in one.hits[:_OVERLAP_K]] for one in (other, shown))
            with self._lock:
                counts = self._on_trial[trial.id, trial.release_id]
                counts.compared += 1
                counts.same_best += ours[:1] == theirs[:1]
                counts.overlap += len({*ours} & {*theirs}) / max(1, len({*ours} | {*theirs}))

    # -- what is kept ----------------------------------------------------------------------------

    def _sample(self, workspace_id: int, queries: Sequence[Query]) -> None:
        query = queries[0]
        part = query.parts[0] if len(query.parts) == 1 else None
        # Words and entities alone: no picture, sound or vector of anybody, and no filter, which may name people.
        if part is None or part.kind not in ("text", "entity") or query.where is not None:
            return
        kept = {part.kind: part.value, **({"into": query.into} if query.into is not None else {})}
        with self._lock:
            if len(self._samples) < _SAMPLES:
                self._samples.append((workspace_id, kept))
            elif random.random() < 0.1:
                self._samples[random.randrange(_SAMPLES)] = (workspace_id, kept)
        self._wake()

    def _wake(self) -> None:
        self._touched = time.monotonic()
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            ended = self._closed.wait(_EVERY_S)
            try:
                self.flush()
            except ChiasmError as error:
                _log.warning("what was seen of releases is not written: %s", error)
            if ended or time.monotonic() - self._touched > _REST_S:
                return

    def flush(self) -> None:
        """Write what was seen so far, and see to it that a release that does worse does not go on."""
        with self._lock:
            rows = [(trial, release, counts.to_dict()) for (trial, release), counts in self._on_trial.items()]
            samples, self._samples = self._samples, []
            trials = list(self._trials.values())
        if rows or samples:
            with self._catalog.write() as session:
                for trial_id, release_id, counts in rows:
                    session.merge(
                        ReleaseTraffic(
                            trial_id=trial_id,
                            release_id=release_id,
                            process=self._process,
                            counts=counts,
                            updated_at=time.time(),
                        )
                    )
                for workspace_id, query in samples:
                    session.add(KeptQuery(workspace_id=workspace_id, query=query))
                for workspace_id in {one for one, _ in samples}:
                    self._trim(session, workspace_id)
        if trials:
            judge_trials(self._catalog)
            self._forget_ended(trials)

    def _trim(self, session: Any, workspace_id: int) -> None:
        mine = KeptQuery.workspace_id == workspace_id, KeptQuery.name.is_(None)
        session.flush()
        count = session.scalar(select(func.count()).select_from(KeptQuery).where(*mine)) or 0
        if count > self._kept:
            old = select(KeptQuery.id).where(*mine).order_by(KeptQuery.id).limit(count - self._kept)
            session.execute(delete(KeptQuery).where(KeptQuery.id.in_(list(session.scalars(old)))))

    def _forget_ended(self, trials: Sequence[Trial]) -> None:
        with self._catalog.read() as session:
            ids = [trial.id for trial in trials]
            on = set(
                session.scalars(
                    select(ReleaseTrial.id).where(ReleaseTrial.id.in_(ids), ReleaseTrial.state == "open")
                )
            )
        with self._lock:
            self._on_trial = {which: counts for which, counts in self._on_trial.items() if which[0] in on}
            self._trials = {one: trial for one, trial in self._trials.items() if one in on}


def _add(counts: Counts, number: int, ms: float | None, error: Exception | None) -> None:
    if ms is None:
        counts.failed += number
        counts.last_error = str(error)[:300]
        return
    for _ in range(number):
        counts.took(ms)
