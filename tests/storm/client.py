"""A client that writes, deletes and searches until it is stopped, and remembers what was acknowledged."""

from __future__ import annotations

import io
import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import numpy as np
from PIL import Image

__all__ = ["Client", "Fact"]

_WORDS = ("amber", "basalt", "cedar", "delta", "ember", "fjord", "granite", "harbour", "indigo", "juniper")

_FOLLOWS_S = 5.0


@dataclass(frozen=True)
class Fact:
    """What an entity was last said to be."""

    text: str
    picture: bytes | None


@dataclass
class Client:
    """One writer with keys of its own.

    Args:
        url: Of the service.
        key: Of its API.
        name: Part of its keys.
        seed: Of everything it does.
    """

    url: str
    key: str
    name: str
    seed: int
    #: Key -> what it is, None for deleted.
    facts: dict[str, Fact | None] = field(default_factory=dict)
    #: Keys whose first record was seen done; before that, deleting them finds nothing.
    seen: set[str] = field(default_factory=set)
    #: Key -> its last text, of those that were deleted.
    gone: dict[str, str] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    jobs: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)
        self._http = httpx.Client(
            base_url=self.url, timeout=20.0, headers={"Authorization": f"Bearer {self.key}"}
        )
        self._stop = threading.Event()
        self._waiting: dict[int, set[str]] = {}
        self._thread = threading.Thread(target=self._run, name=self.name)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the operation at hand, when all that was handed in is done."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Whether it ended in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                operation = self._draw.choices((self._upsert, self._delete, self._search), (5, 2, 3))[0]
                operation()
                self.done[operation.__name__.strip("_")] += 1
                if len(self._waiting) > 3 or self._draw.random() < 0.3:
                    self._settle()
            self._settle()
        except Exception as error:  # noqa: BLE001 - told by the thread that asks
            self.broken.append(f"{type(error).__name__}: {error}")
        finally:
            self._http.close()

    def _free(self) -> list[str]:
        busy = {key for keys in self._waiting.values() for key in keys}
        return [key for key, fact in self.facts.items() if fact is not None and key not in busy]

    def _known(self) -> list[str]:
        """Keys to change: now and then also those with work under way, where the last word must win."""
        alive = [key for key, fact in self.facts.items() if fact is not None]
        return alive if self._draw.random() < 0.3 else self._free()

    def _upsert(self) -> None:
        known = self._known()
        keys = {f"storm:{self.name}-{uuid.UUID(int=self._draw.getrandbits(128))}"}
        if known and self._draw.random() < 0.6:
            keys = set(self._draw.sample(known, min(len(known), self._draw.randint(1, 6))))
        facts = {key: self._fact() for key in sorted(keys)}
        token = f"{self.name}-{self._draw.getrandbits(64)}"
        answer = self._insist(lambda: self._ingest(facts, token), expect=(202,))
        job = int(answer.json()["job"])
        self.jobs.append(job)
        self._waiting[job] = set(facts)
        self.facts |= facts

    def _ingest(self, facts: dict[str, Fact], token: str) -> httpx.Response:
        lines, files = [], []
        for number, (key, fact) in enumerate(facts.items()):
            record = {"key": key, "domain": "storm", "text": [fact.text], "image": []}
            if fact.picture is not None:
                record["image"] = [f"{number}.png"]
                files.append(("media", (f"{number}.png", fact.picture, "image/png")))
            lines.append(json.dumps(record))
        manifest = ("manifest", ("records.jsonl", "\n".join(lines).encode(), "application/x-ndjson"))
        return self._http.post("/v1/ingest", files=[manifest, *files], headers={"Idempotency-Key": token})

    def _fact(self) -> Fact:
        text = " ".join(self._draw.choices(_WORDS, k=4)) + f" {self._draw.getrandbits(48):x}"
        picture = None
        if self._draw.random() < 0.3:
            pixels = np.random.default_rng(self._draw.getrandbits(32)).integers(0, 255, (16, 16, 3), np.uint8)
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, "png")
            picture = stream.getvalue()
        return Fact(text, picture)

    def _delete(self) -> None:
        known = [key for key in self._known() if key in self.seen]
        if not known:
            return
        key = self._draw.choice(known)
        # Gone already: an earlier try was done, but its answer never came.
        self._insist(lambda: self._http.delete(f"/v1/entities/{key}"), expect=(204, 404))
        before = self.facts[key]
        if before is not None:
            self.gone[key] = before.text
        self.facts[key] = None

    def _search(self) -> None:
        known = self._free()
        key = self._draw.choice(known) if known else None
        fact = self.facts[key] if key is not None else None
        found = self._found(fact.text if fact is not None else "amber")
        # Nobody else writes this key, and its job was seen done: it must be found, kills or not. A query may
        # be answered from a moment before while the catalog changes all the time.
        until = time.monotonic() + _FOLLOWS_S
        while fact is not None and found[:1] != [key] and time.monotonic() < until:
            self.done["asked again for freshness"] += 1
            found = self._found(fact.text)
        if fact is not None and found[:1] != [key]:
            self.broken.append(f"{key} is done, but is not found by its text: {found}")

    def _found(self, text: str) -> list[str]:
        body = {"text": text, "k": 5}
        hits = self._insist(lambda: self._http.post("/v1/search", json=body), expect=(200,)).json()["hits"]
        found = [hit["key"] for hit in hits]
        if len(set(found)) != len(found):
            self.broken.append(f"one key twice in an answer: {found}")
        return found

    def _settle(self) -> None:
        for job, _ in list(self._waiting.items()):
            while True:
                state = self._insist(lambda job=job: self._http.get(f"/v1/jobs/{job}"), expect=(200,)).json()
                if state["state"] in ("done", "failed", "cancelled"):
                    break
                time.sleep(0.1)
            if state["state"] != "done" or state["failures"]:
                self.broken.append(f"job {job} ended as {state['state']}, {state['failures']} failures")
            self.seen |= self._waiting.pop(job)

    def _insist(self, ask: Callable[[], httpx.Response], expect: tuple[int, ...]) -> httpx.Response:
        """The answer, asked for again as long as the service is away."""
        until = time.monotonic() + 120
        while True:
            try:
                answer = ask()
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code in expect:
                return answer
            if answer is not None and answer.status_code < 500:
                raise RuntimeError(
                    f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}"
                )
            if time.monotonic() > until:
                raise RuntimeError("the service stayed away for two minutes")
            self.done["asked again"] += 1
            time.sleep(0.1)
