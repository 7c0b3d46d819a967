"""What a knowledge base stands on: an embedded home, or a service over HTTP; both speak JSON shapes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from chiasm.client.hits import Hits
from chiasm.client.media import Medium
from chiasm.client.parts import QueryPart
from chiasm.client.releasing import ReleasingBackend
from chiasm.client.small_models import SmallModels

if TYPE_CHECKING:
    from chiasm.archive import Watch
    from chiasm.reasoning import ApplyRequest, PredictRequest, RulesRequest

__all__ = ["Backend", "JsonDict", "Promote", "SearchRequest"]

JsonDict = dict[str, Any]
Promote = Literal["gate", "force"] | bool


@dataclass(frozen=True)
class SearchRequest:
    """A search as the facade, the command line and the service all mean it."""

    parts: Sequence[QueryPart]
    #: Words and quoted phrases that texts have any of, and what they weigh against the parts.
    match: str | None = None
    match_weight: float = 1.0
    #: How words and parts are fused: rrf or weights.
    fuse: str = "rrf"
    #: mix; average or best for liked and disliked entities.
    strategy: str = "mix"
    into: str | None = None
    domain_from: str | None = None
    #: Hits must have it.
    modality: str | None = None
    #: An expression, or its tree as JSON.
    where: str | Mapping[str, Any] | None = None
    near: str | None = None
    hops: int = 1
    #: Predicates that lead from `near` to hits: an expression, or steps, each a name or several.
    path: str | Sequence[str | Sequence[str]] | None = None
    diversity: float = 0.0
    group_by: str | None = None
    group_size: int = 1
    k: int = 10
    cursor: str | None = None
    explain: bool = False
    stubs: bool = False


class Backend(SmallModels, ReleasingBackend, Protocol):
    """Operations of a knowledge base; arguments and returns are plain JSON unless typed otherwise."""

    def describe(self) -> JsonDict:
        """Counts and the active release."""

    def search(self, request: SearchRequest) -> Hits:
        """The best entities."""

    def search_batch(self, requests: Sequence[SearchRequest]) -> list[Hits]:
        """The answer to each of several searches, all from the same state."""

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

    def ingest_records(
        self,
        records: Iterable[Mapping[str, Any]],
        *,
        domain: str | None,
        mode: str,
        idempotency_key: str | None,
    ) -> int:
        """The id of a job that ingests records."""

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

    def advise(self) -> JsonDict:
        """What to train with, and how long it will take; nothing is changed."""

    def evaluate(self, *, release: str | None) -> int:
        """The id of a job that judges a release."""

    def evaluations(self, *, limit: int) -> list[JsonDict]:
        """Reports made so far, newest first."""

    def job(self, job_id: int) -> JsonDict:
        """State and progress of a job."""

    def jobs(self, *, limit: int, state: str | None) -> list[JsonDict]:
        """Jobs, newest first."""

    def failures(self, job_id: int, *, limit: int) -> list[JsonDict]:
        """What failed in a job: where, key, error."""

    def cancel(self, job_id: int) -> None:
        """Ask a job to stop."""

    def pause(self, job_id: int) -> None:
        """Have a job wait."""

    def resume(self, job_id: int) -> None:
        """Let a paused job go on."""

    def follow(self, job_id: int) -> Iterator[JsonDict]:
        """State and progress at each change, until it has ended."""

    def retry(self, job_id: int) -> int:
        """Hand in again what failed; how many units."""

    def nudge(self) -> bool:
        """See to it that somebody works; whether a worker had to be started for it."""

    def entity(self, key: str) -> JsonDict:
        """One entity with assets and relations."""

    def entities(
        self,
        *,
        domain: str | None,
        where: str | Mapping[str, Any] | None,
        stubs: bool,
        cursor: int,
        limit: int,
    ) -> JsonDict:
        """A page `{"entities": [...], "next_cursor": int | None}`."""

    def delete(self, key: str, *, if_revision: int | None = None) -> None:
        """Delete an entity, its assets and its relations."""

    def delete_asset(self, asset_id: int) -> None:
        """Delete one text, picture or sound."""

    def clear(self, domain: str | None) -> int:
        """The id of a job that deletes a domain, or with None everything."""

    def forget(self, keys: Sequence[str], *, reason: str | None) -> JsonDict:
        """`{"receipt": ID, "job": ID}`: deleted at once, the job clears the files."""

    def receipt(self, receipt_id: int) -> JsonDict:
        """What was forgotten."""

    def receipts(self) -> list[JsonDict]:
        """All receipts, newest first."""

    def find_duplicates(self, *, domain: str | None, modality: str | None, min_confidence: float) -> int:
        """The id of a job that compares all entities."""

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
        """Pairs of entities that may be one thing, the surest first."""

    def merge(self, keep: str, others: Sequence[str]) -> JsonDict:
        """`{"key", "merged": [keys], "job"}`: merged at once, the job makes search right."""

    def unmerge(self, key: str) -> JsonDict:
        """`{"key", "kept", "job"}`: taken apart at once, the job makes search right."""

    def dismiss_duplicate(self, one: str, other: str) -> None:
        """Say that two entities are two things."""

    def media(self, key: str) -> list[Medium]:
        """The first picture and the first sound of an entity."""

    def neighbours(self, key: str, *, hops: int, limit: int) -> JsonDict:
        """`{"key", "edges": [...], "nodes": {key: {...}}, "truncated": bool}`."""

    def graph_paths(self, key: str, to: str, *, max_hops: int, limit: int, by: str) -> JsonDict:
        """`{"paths": [[key, predicate, key, ...]], "information": [bits], "complete", ...}`, by information or length."""

    def graph_near(self, key: str, *, hops: int, limit: int, into: str | None) -> JsonDict:
        """`{"key", "entities": [{"key", "hops", "information", ...}], "total"}`, the nearest first."""

    def graph_rules(self, asked: RulesRequest) -> JsonDict:
        """`{"revision", "count", "rules": [...], "out_of_time", "seconds"}`."""

    def apply_rules(self, asked: ApplyRequest) -> JsonDict:
        """What rules say is written; `{"added", "removed", "changed", "triples", "examples", "job", ...}`."""

    def withdraw_rules(self, *, relation: str | None, dry_run: bool) -> JsonDict:
        """`{"dry_run", "removed", "job"}`: what rules derived is taken out."""

    def graph_predict(self, asked: PredictRequest) -> JsonDict:
        """What may stand at the other end of a relation, with the facts, rules and cases that speak for it."""

    def link(self, *, mention: str | None, image: QueryPart | None, k: int, into: str | None) -> JsonDict:
        """`{"mention", "candidates": [...], "tied_beyond": int}`: entities that words or a picture may mean."""

    def trees(self, *, declared: Sequence[str]) -> JsonDict:
        """`{"trees": [...]}`: predicates that form hierarchies."""

    def walk_tree(self, key: str, *, below: bool, predicate: str | None, limit: int) -> JsonDict:
        """`{"key", "entities": [{"key", "steps", ...}], "total"}`, the nearest first."""

    def common_ancestors(self, one: str, other: str, *, predicate: str | None) -> JsonDict:
        """`{"keys", "entities": [...], "total"}`: the nearest above both."""

    def check_graph(self, *, kind: str | None, limit: int) -> JsonDict:
        """`{"counts", "flaws": [...], "total", ...}`, the surest first."""

    def ask(self, question: str, *, k: int) -> JsonDict:
        """The answer of `chiasm ask --json`."""

    def triples(self) -> Iterator[JsonDict]:
        """Every statement of the graph."""

    def export_release(self, name: str | None, file: Path) -> JsonDict:
        """`{"file", "release", "bytes", "files"}`: a release is written as one signed file."""

    def import_release(self, file: Path, *, at_once: bool) -> int:
        """The id of a job that builds the spaces of a release from a file."""

    def schedules(self) -> list[JsonDict]:
        """Schedules by name."""

    def add_schedule(
        self, name: str, *, when: Mapping[str, Any], job: str, params: Mapping[str, Any]
    ) -> JsonDict:
        """A new schedule; `when` has clock, conditions and policies by name."""

    def schedule_runs(self, name: str, *, limit: int) -> list[JsonDict]:
        """What came of a schedule's runs, newest first."""

    def change_schedule(self, name: str, action: str) -> JsonDict:
        """Pause, resume, remove or run a schedule."""

    def give_feedback(
        self, query: str, *, accepted: Sequence[str], rejected: Sequence[str], release: str | None
    ) -> JsonDict:
        """`{"release", "stored", "changed"}`: which hits were right and which were wrong is kept."""

    def feedback(self, *, verdict: str | None, release: str | None, cursor: int, limit: int) -> JsonDict:
        """A page `{"feedback": [...], "next_cursor": int | None}` of what was said, in order."""

    def workers(self) -> list[JsonDict]:
        """Workers that live, and the unit that each of their lanes is at."""

    def notices(self, *, limit: int) -> list[JsonDict]:
        """Outcomes, newest first, and how far each is on its way to whom the settings name."""

    def backup(self, file: Path, *, watch: Watch | None) -> JsonDict:
        """Write the whole home into a file; what it holds."""

    def export(self, folder: Path, *, form: str, watch: Watch | None) -> JsonDict:
        """Write what users gave into a folder; what was written."""

    def doctor(self, *, repair: bool, full: bool) -> JsonDict:
        """What is sound in the home and what is not, as `chiasm doctor --json`; with `repair` mended."""

    def close(self) -> None:
        """Give connections and models back."""
