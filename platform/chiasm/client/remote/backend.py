"""The operations of a knowledge base over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chiasm.client.hits import Hits
from chiasm.client.media import Medium
from chiasm.client.protocol import JsonDict, Promote, SearchRequest
from chiasm.client.records import as_base64, with_contents
from chiasm.client.remote.classifying import Classified
from chiasm.client.remote.distilling import Distilled
from chiasm.client.remote.duplicates import Duplicates
from chiasm.client.remote.events import follow_job
from chiasm.client.remote.feedback import FeedbackTaken
from chiasm.client.remote.graph import Statements
from chiasm.client.remote.questions import search_body
from chiasm.client.remote.reasoning import Reasoned
from chiasm.client.remote.releasing import Releasing
from chiasm.client.remote.understanding import Understanding
from chiasm.client.remote.uploads import UploadPlan
from chiasm.client.remote.wire import Wire, quoted
from chiasm.errors import UsageError

if TYPE_CHECKING:
    from chiasm.archive import Watch

__all__ = ["HttpBackend"]


class HttpBackend(
    Releasing, Classified, Distilled, Duplicates, Statements, Reasoned, Understanding, FeedbackTaken
):
    """Implements `chiasm.client.protocol.Backend` by requests to `chiasm serve`."""

    def __init__(self, url: str, *, api_key: str | None = None, timeout_s: float = 60.0) -> None:
        self._wire = Wire(url, api_key=api_key, timeout_s=timeout_s)
        # An address that nobody answers at is found now, not at the first search.
        self._wire.get("/healthz")

    def __repr__(self) -> str:
        return f"at {self._wire.url}"

    def describe(self) -> JsonDict:
        """Counts and the active release."""
        return self._wire.get("/v1")

    def search(self, request: SearchRequest) -> Hits:
        """The best entities."""
        return Hits.from_dict(self._wire.post("/v1/search", search_body(request)), media=self.media)

    def search_batch(self, requests: Sequence[SearchRequest]) -> list[Hits]:
        """The answer to each of several searches, all from the same state."""
        body = {"queries": [search_body(request) for request in requests]}
        answers = self._wire.post("/v1/search/batch", body)["results"]
        return [Hits.from_dict(answer, media=self.media) for answer in answers]

    def ingest_paths(
        self,
        paths: Sequence[Path],
        *,
        domain: str | None,
        mode: str,
        triples: Sequence[Path],
        idempotency_key: str | None,
    ) -> int:
        """The id of a job that ingests local files, which are sent with the media that they name."""
        with UploadPlan(paths, triples) as files:
            return self._ingest(domain, mode, idempotency_key, files=files)

    def ingest_records(
        self,
        records: Iterable[Mapping[str, Any]],
        *,
        domain: str | None,
        mode: str,
        idempotency_key: str | None,
    ) -> int:
        """The id of a job that ingests records; media that they name are sent with them."""
        from chiasm.ingest.spool import json_line

        # One line after the other: however many there are, one is held.
        lines = (
            json_line(as_base64(with_contents(record)), number).encode()
            for number, record in enumerate(records, start=1)
        )
        return self._ingest(domain, mode, idempotency_key, content=lines)

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
        body = {
            "recipe": recipe,
            "overrides": dict(overrides),
            "seed": seed,
            "promote": promote,
            "parent": parent,
            **({"gate": dict(gate)} if gate else {}),
            **({"at_once": True} if at_once else {}),
        }
        return int(self._wire.post("/v1/releases", body)["job"])

    def advise(self) -> JsonDict:
        """What to train with, and how long it will take; nothing is changed."""
        return self._wire.get("/v1/releases/advice")

    def evaluate(self, *, release: str | None) -> int:
        """The id of a job that judges a release."""
        return int(self._wire.post("/v1/evaluations", {"release": release})["job"])

    def evaluations(self, *, limit: int) -> list[JsonDict]:
        """Reports made so far, newest first."""
        return list(self._wire.get("/v1/evaluations", limit=limit)["evaluations"])

    def job(self, job_id: int) -> JsonDict:
        """State and progress of a job."""
        return self._wire.get(f"/v1/jobs/{job_id}")

    def jobs(self, *, limit: int, state: str | None) -> list[JsonDict]:
        """Jobs, newest first."""
        return list(self._wire.get("/v1/jobs", limit=limit, state=state)["jobs"])

    def failures(self, job_id: int, *, limit: int) -> list[JsonDict]:
        """What failed in a job."""
        return list(self._wire.get(f"/v1/jobs/{job_id}/failures", limit=limit)["failures"])

    def cancel(self, job_id: int) -> None:
        """Ask a job to stop."""
        self._wire.post(f"/v1/jobs/{job_id}/cancel")

    def pause(self, job_id: int) -> None:
        """Have a job wait."""
        self._wire.post(f"/v1/jobs/{job_id}/pause")

    def resume(self, job_id: int) -> None:
        """Let a paused job go on."""
        self._wire.post(f"/v1/jobs/{job_id}/resume")

    def follow(self, job_id: int) -> Iterator[JsonDict]:
        """State and progress at each change, until it has ended."""
        return follow_job(self._wire, job_id)

    def retry(self, job_id: int) -> int:
        """Hand in again what failed; how many units."""
        return int(self._wire.post(f"/v1/jobs/{job_id}/retry")["handed_in"])

    def nudge(self) -> bool:
        """Never: the service sees to its own workers when it is asked for a job's state."""
        return False

    def entity(self, key: str) -> JsonDict:
        """One entity with assets and relations."""
        return self._wire.get(f"/v1/entities/{quoted(key)}")

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
        sent = json.dumps(where) if isinstance(where, Mapping) else where
        return self._wire.get(
            "/v1/entities", domain=domain, where=sent, stubs=stubs, cursor=cursor, limit=limit
        )

    def delete(self, key: str, *, if_revision: int | None = None) -> None:
        """Delete an entity."""
        headers = {} if if_revision is None else {"If-Match": f'"{if_revision}"'}
        self._wire.send("DELETE", f"/v1/entities/{quoted(key)}", headers=headers)

    def delete_asset(self, asset_id: int) -> None:
        """Delete one text, picture or sound."""
        self._wire.send("DELETE", f"/v1/assets/{asset_id}")

    def clear(self, domain: str | None) -> int:
        """The id of a job that deletes a domain, or with None everything."""
        path = "/v1/entities?everything=true" if domain is None else f"/v1/domains/{quoted(domain)}"
        return int(self._wire.send("DELETE", path).json()["job"])

    def forget(self, keys: Sequence[str], *, reason: str | None) -> JsonDict:
        """`{"receipt": ID, "job": ID}`: deleted at once, the job clears the files."""
        return self._wire.post("/v1/forget", {"keys": list(keys), "reason": reason})

    def receipt(self, receipt_id: int) -> JsonDict:
        """What was forgotten."""
        return self._wire.get(f"/v1/receipts/{receipt_id}")

    def receipts(self) -> list[JsonDict]:
        """All receipts, newest first."""
        return list(self._wire.get("/v1/receipts")["receipts"])

    def media(self, key: str) -> list[Medium]:
        """The first picture and the first sound of an entity."""
        entity = self.entity(key)
        found = []
        for modality in ("image", "audio"):
            for asset in entity[modality][:1]:
                response = self._wire.send("GET", f"/v1/assets/{asset['id']}")
                found.append(Medium(modality, response.headers["content-type"], response.content))
        return found

    def schedules(self) -> list[JsonDict]:
        """Schedules by name."""
        return list(self._wire.get("/v1/schedules")["schedules"])

    def add_schedule(
        self, name: str, *, when: Mapping[str, Any], job: str, params: Mapping[str, Any]
    ) -> JsonDict:
        """A new schedule."""
        body = {"name": name, **when, "job": job, "params": dict(params)}
        return self._wire.post("/v1/schedules", body)

    def schedule_runs(self, name: str, *, limit: int) -> list[JsonDict]:
        """What came of a schedule's runs, newest first."""
        return list(self._wire.get(f"/v1/schedules/{quoted(name)}/runs", limit=limit)["runs"])

    def change_schedule(self, name: str, action: str) -> JsonDict:
        """Pause, resume, remove or run a schedule."""
        path = f"/v1/schedules/{quoted(name)}"
        if action == "remove":
            return dict(self._wire.send("DELETE", path).json())
        return self._wire.post(f"{path}/{action}")

    def workers(self) -> list[JsonDict]:
        """Workers that live, and the unit that each of their lanes is at."""
        return list(self._wire.get("/v1/workers")["workers"])

    def notices(self, *, limit: int) -> list[JsonDict]:
        """Outcomes, newest first, and how far each is on its way."""
        return list(self._wire.get("/v1/notices", limit=limit)["notices"])

    def backup(self, file: Path, *, watch: Watch | None = None) -> JsonDict:
        """Refused: a backup holds every workspace's data, and a key opens one."""
        raise UsageError(
            "a backup is made where the home is",
            where=self._wire.url,
            remedy="run `chiasm backup FILE` there, or `kb.export(folder)` on an embedded home",
        )

    def export(self, folder: Path, *, form: str, watch: Watch | None = None) -> JsonDict:
        """Refused: an export reads the home's own files."""
        raise UsageError(
            "an export is made where the home is",
            where=self._wire.url,
            remedy="run `chiasm export --format FORMAT FOLDER` there",
        )

    def doctor(self, *, repair: bool, full: bool) -> JsonDict:
        """Nothing: a home is examined where its files are.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            "a home is examined where its files are",
            where=self._wire.url,
            remedy="run `chiasm doctor` there",
        )

    def close(self) -> None:
        """Give the connection back."""
        self._wire.close()

    def _ingest(self, domain: str | None, mode: str, idempotency_key: str | None, **body: Any) -> int:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        if "content" in body:
            headers["Content-Type"] = "application/x-ndjson"
        given = {"mode": mode, **({"domain": domain} if domain else {})}
        response = self._wire.send("POST", "/v1/ingest", params=given, headers=headers, **body)
        return int(response.json()["job"])
