"""Search while data comes in, goes out and is compacted: errors, p99 against the quiet p99, freshness on every process.

    python -m benchmarks.steady [--minutes 10] [--entities 20000] [--processes 2] [--json FILE]

Several processes of the service and one worker share a home. Readers ask at a fixed pace throughout, by entity and by
words. The first fifth of the time is quiet; then entities come in by HTTP without pause, one in three is deleted again,
and the worker merges the small segments that this makes. After each batch every process is asked for its newest
entity until it is found; counted is the time since the job says that it was done.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

import chiasm
from benchmarks.rows import Row, print_rows, write_rows
from benchmarks.serving.load import Connection
from benchmarks.serving.server import Server, processes_below

__all__ = ["Steady", "run_steady"]

_ENCODER = {"CHIASM_TEXT_ENCODER": "hash:text/384"}
_READERS = 4
#: Searches a second of each reader: well below what saturates two cores.
_PACE = 5.0
_BATCH = 20
_QUIET_SHARE = 0.2


@dataclass
class Steady:
    """What happened."""

    quiet_s: list[float] = field(default_factory=list)
    busy_s: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    #: Seconds from a job's end until each process found its last entity.
    fresh_s: list[float] = field(default_factory=list)
    batches: int = 0


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--entities", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run_steady(Path(folder) / "home", args.minutes * 60, args.entities, args.processes)
    rows = _rows(found)
    print_rows(rows)
    write_rows(rows, args.json)


def run_steady(home: Path, seconds: float, entities: int, processes: int) -> Steady:
    """What happens to readers in a fresh home.

    Args:
        home: Folder that is made.
        seconds: Of quiet and busy time together.
        entities: That the home holds at first.
        processes: Of the service.
    """
    kept = {name: os.environ.get(name) for name in _ENCODER}
    os.environ.update(_ENCODER)
    try:
        with chiasm.open(home) as kb:
            kb.ingest({"key": f"e:{n}", "title": f"thing number {n}"} for n in range(entities)).wait()
        arguments = ["--home", str(home), "--port", "0", "--processes", str(processes)]
        with Server("chiasm.api", *arguments) as server:
            return _run(server, seconds, entities, processes)
    finally:
        for name, value in kept.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _run(server: Server, seconds: float, entities: int, processes: int) -> Steady:
    found, stop, busy = Steady(), threading.Event(), threading.Event()
    work: list[Callable[[], None]] = [
        lambda n=n: _read(server.port, n, entities, found, stop, busy)  # type: ignore[misc]
        for n in range(_READERS)
    ]
    threads = [threading.Thread(target=_guarded, args=(one, found)) for one in work]
    for thread in threads:
        thread.start()
    time.sleep(seconds * _QUIET_SHARE)
    busy.set()
    writer = threading.Thread(target=_guarded, args=(lambda: _write(server, processes, found, stop), found))
    writer.start()
    time.sleep(seconds * (1 - _QUIET_SHARE))
    stop.set()
    for thread in (*threads, writer):
        thread.join(120)
    if "ERROR" in server.log:
        found.errors.append(server.log[-2000:])
    return found


def _guarded(work: Callable[[], None], found: Steady) -> None:
    try:
        work()
    except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
        found.errors.append(repr(error))


def _read(
    port: int, number: int, entities: int, found: Steady, stop: threading.Event, busy: threading.Event
) -> None:
    connection = Connection(port)
    due = time.perf_counter() + number / _READERS / _PACE
    asked = number
    while not stop.is_set():
        time.sleep(max(0.0, due - time.perf_counter()))
        query = {"entity": f"e:{asked * 7919 % entities}"} if asked % 2 else {"text": f"thing number {asked}"}
        # From when it was due: who waits for a slow answer asks the next one late, and that counts.
        status, answer = connection.ask("/v1/search", json.dumps(query).encode())
        (found.busy_s if busy.is_set() else found.quiet_s).append(time.perf_counter() - due)
        if status != 200 or len(json.loads(answer)["hits"]) != 10:
            found.errors.append(f"{status} {answer[:200]!r}")
        due = max(due + 1 / _PACE, time.perf_counter() - 1.0)
        asked += _READERS
    connection.close()


def _write(server: Server, processes: int, found: Steady, stop: threading.Event) -> None:
    # Not earlier: a connection that is idle for some seconds is closed.
    connections = _one_to_each(server, processes)
    with httpx.Client(base_url=server.url, timeout=120) as http:
        for number in _until(stop):
            keys = [f"new:{number}:{at}" for at in range(_BATCH)]
            records = [{"key": key, "title": f"fresh {key.replace(':', ' ')}"} for key in keys]
            job = http.post("/v1/ingest", json={"records": records}).raise_for_status().json()["job"]
            done_at = _ended(http, job)
            for connection in connections:
                found.fresh_s.append(max(0.0, _seen(connection, keys[-1]) - done_at))
            for key in keys[::3]:
                http.delete(f"/v1/entities/{key}").raise_for_status()
            found.batches += 1
    for connection in connections:
        connection.close()


def _until(stop: threading.Event) -> Iterator[int]:
    number = 0
    while not stop.is_set():
        yield number
        number += 1


def _ended(http: httpx.Client, job: int) -> float:
    """When a job was done, by the clock of the database; raises where it was not."""
    while True:
        now: dict[str, Any] = http.get(f"/v1/jobs/{job}").raise_for_status().json()
        if now["finished_at"] is not None:
            if now["state"] != "done" or now["failures"]:
                raise RuntimeError(f"the job ended otherwise: {now}")
            return float(now["finished_at"])
        time.sleep(0.02)


def _seen(connection: Connection, key: str) -> float:
    """When a process finds an entity by its title; raises where it does not within a minute."""
    query = json.dumps({"text": f"fresh {key.replace(':', ' ')}", "k": 1}).encode()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status, answer = connection.ask("/v1/search", query)
        if status == 200 and [hit["key"] for hit in json.loads(answer)["hits"]] == [key]:
            return time.time()
        time.sleep(0.01)
    raise RuntimeError(f"{key} is not found by one of the processes")


def _one_to_each(server: Server, processes: int) -> list[Connection]:
    """A connection to each process; who accepts is the kernel's choice, so we try until all have."""
    chosen: dict[int, Connection] = {}
    deadline = time.monotonic() + 60
    while len(chosen) < processes:
        if time.monotonic() > deadline:
            raise RuntimeError("not every process takes connections")
        connection = Connection(server.port)
        connection.ask("/v1/search", json.dumps({"entity": "e:1"}).encode())
        owner = _owner(connection.socket, server)
        if owner is None or chosen.setdefault(owner, connection) is not connection:
            connection.close()
    return list(chosen.values())


def _owner(client: socket.socket, server: Server) -> int | None:
    """The process that holds the other end of a loopback connection."""
    mine, theirs = (f"{end[1]:04X}" for end in (client.getsockname(), client.getpeername()))
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{theirs}") and fields[2].endswith(f":{mine}"):
            wanted = f"socket:[{fields[9]}]"
            for pid in processes_below(server.process.pid):
                if any(_link(entry) == wanted for entry in Path(f"/proc/{pid}/fd").iterdir()):
                    return pid
    return None


def _link(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:
        return ""


def _rows(found: Steady) -> list[Row]:
    quiet, busy = (sorted(times) for times in (found.quiet_s, found.busy_s))
    for error in found.errors[:10]:
        print(error)
    p99 = [times[int(len(times) * 0.99)] for times in (quiet, busy)]
    # Nothing was found at all where the first batch failed.
    fresh = sorted(found.fresh_s) or [float("inf")]
    return [
        Row("steady_errors", len(found.errors), unit="", target="<= 0", n=len(quiet) + len(busy)),
        Row(
            "steady_p99_vs_quiet",
            p99[1] / p99[0],
            unit="ratio",
            target="<= 2",
            baseline="the quiet p99",
            n=len(busy),
        ),
        Row("steady_quiet_p99_ms", p99[0] * 1000, unit="ms", n=len(quiet)),
        Row("steady_busy_p99_ms", p99[1] * 1000, unit="ms", n=len(busy)),
        Row("steady_fresh_s", fresh[-1], unit="s", target="<= 1", baseline="the slowest", n=len(fresh)),
        Row("steady_fresh_median_s", fresh[len(fresh) // 2], unit="s", n=len(fresh)),
        Row("steady_batches", found.batches, unit=""),
    ]


if __name__ == "__main__":
    main()
