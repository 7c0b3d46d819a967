"""Entities and triples a second through the queue into SQL and FAISS; memory and cost as catalogues grow.

    python -m benchmarks.ingest [--only sqlite,servers,text,growth,triples] [--rounds 5] [--json FILE]

A worker of its own serves a fresh home each round; its start-up is not timed, everything else is: from handing in
the file until every entity is searchable. Each entity has a title and two attributes. The encoder of all but
`text` takes constant time, so that what is measured is Chiasm and not a model. `servers` starts PostgreSQL and
Redis on loopback where they are installed.

Baselines of the same run: the same rows inserted bare with `sqlite3` (one table, one transaction a thousand
rows), and for `text` the encoder's own rate over the same texts.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import chiasm
from benchmarks.rows import Row, print_rows, write_rows
from chiasm.jobs import worker_present
from chiasm.settings import load_settings
from chiasm_encoders import default_text_spec, load_encoder

_PARTS = ("sqlite", "servers", "text", "growth", "triples")
_CONSTANT = "hash:text/384"
_ADJECTIVES = ("red", "old", "small", "broken", "painted", "carved", "heavy", "round", "silver", "blue")
_NOUNS = ("bell", "boat", "drum", "mask", "lamp", "chair", "knife", "clock", "vase", "ring", "map", "coat")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(_PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--entities", type=int, default=50_000)
    parser.add_argument("--texts", type=int, default=10_000, help="entities of the part `text`")
    parser.add_argument("--million", type=int, default=1_000_000, help="entities of the part `growth`")
    parser.add_argument("--triples", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows: list[Row] = []
    for part in args.only.split(","):
        rows += {
            "sqlite": _sqlite,
            "servers": _servers,
            "text": _text,
            "growth": _growth,
            "triples": _triples,
        }[part](args)
    print_rows(rows)
    write_rows(rows, args.json)


def _sqlite(args: argparse.Namespace) -> list[Row]:
    rates, bare = [], []
    for number in range(args.rounds):
        with _folder() as folder:
            manifest = _manifest(folder / "entities.jsonl", args.entities)
            bare.append(args.entities / _bare(folder / "bare.sqlite", manifest))
            with _Service(folder / "home", {"text_encoder": _CONSTANT}) as service:
                rates.append(args.entities / service.ingest(manifest))
        print(f"sqlite {number}: {rates[-1]:.0f} entities/s", flush=True)
    ratio = statistics.median(ours / theirs for ours, theirs in zip(rates, bare, strict=True))
    return [
        _median("ingest_sqlite", rates, "1/s", ">= 5000"),
        _median("ingest_bare_sqlite3", bare, "1/s"),
        Row("ingest_sqlite_share", ratio, unit="ratio", baseline="bare sqlite3 inserts", n=args.rounds),
    ]


def _servers(args: argparse.Namespace) -> list[Row]:
    from tests.servers import PostgresServer, RedisServer

    rates = []
    postgres, redis = PostgresServer(durable=True), RedisServer()
    try:
        postgres.start()
        redis.start()
        for number in range(args.rounds):
            settings = {
                "text_encoder": _CONSTANT,
                "database_url": postgres.new_database(),
                "broker_url": redis.url,
            }
            with _folder() as folder:
                manifest = _manifest(folder / "entities.jsonl", args.entities)
                with _Service(folder / "home", settings) as service:
                    rates.append(args.entities / service.ingest(manifest))
            print(f"servers {number}: {rates[-1]:.0f} entities/s", flush=True)
    finally:
        postgres.remove()
        redis.remove()
    return [_median("ingest_postgresql_redis", rates, "1/s", ">= 4000")]


def _text(args: argparse.Namespace) -> list[Row]:
    """Real MiniLM: the pipeline's rate beside that of the encoder alone, one after the other each round."""
    encoder = load_encoder(default_text_spec())
    shares, rates = [], []
    for number in range(args.rounds):
        with _folder() as folder:
            manifest = _manifest(folder / "entities.jsonl", args.texts, words=24)
            texts = [json.loads(line)["title"] for line in manifest.read_text("utf-8").splitlines()]
            encoder.encode(texts[:256])
            with _Service(folder / "home", {}) as service:
                taken = service.ingest(manifest)
            started = time.perf_counter()
            for start in range(0, len(texts), 1024):
                encoder.encode(texts[start : start + 1024])
            alone = time.perf_counter() - started
            shares.append(alone / taken)
            rates.append(len(texts) / taken)
        print(f"text {number}: {rates[-1]:.0f} entities/s, {shares[-1]:.3f} of the encoder", flush=True)
    return [
        _median("ingest_minilm", rates, "1/s"),
        _median("ingest_minilm_share", shares, "ratio", ">= 0.9", "the encoder alone"),
    ]


def _growth(args: argparse.Namespace) -> list[Row]:
    """Cost per entity and resident memory at the end of a large ingest against those of a small one."""
    figures = {}
    for count in (10_000, args.million):
        runs = args.rounds if count == 10_000 else 1
        costs, peaks = [], []
        for _ in range(runs):
            with _folder() as folder:
                manifest = _manifest(folder / "entities.jsonl", count)
                with _Service(folder / "home", {"text_encoder": _CONSTANT}) as service:
                    costs.append(service.ingest(manifest) / count)
                    peaks.append(service.peak_mib())
            print(f"growth {count}: {1e6 * costs[-1]:.0f} us an entity, {peaks[-1]:.0f} MiB", flush=True)
        figures[count] = statistics.median(costs), statistics.median(peaks)
    small, large = figures[10_000], figures[args.million]
    return [
        Row(
            "ingest_cost_growth", large[0] / small[0], unit="ratio", baseline="10,000 lines", target="<= 1.2"
        ),
        Row(
            "ingest_memory_growth",
            large[1] / small[1],
            unit="ratio",
            baseline="10,000 lines",
            target="<= 1.1",
        ),
        Row("ingest_memory", large[1], unit="MiB"),
    ]


def _triples(args: argparse.Namespace) -> list[Row]:
    rates = []
    for number in range(args.rounds):
        with _folder() as folder:
            source = folder / "graph.nt"
            with source.open("w", encoding="utf-8") as file:
                for n in range(args.triples):
                    # As in published graphs: a subject has some statements in a row, objects repeat.
                    subject, other = n // 8, (n * 7919) % (args.triples // 8)
                    file.write(
                        f"<http://e.org/i/{subject}> <http://e.org/p/{n % 40}> <http://e.org/i/{other}> .\n"
                    )
            with _Service(folder / "home", {"text_encoder": _CONSTANT}) as service:
                rates.append(args.triples / service.ingest(source))
        print(f"triples {number}: {rates[-1]:.0f} triples/s", flush=True)
    return [_median("ingest_n_triples", rates, "1/s", ">= 80000")]


class _Service:
    """A home with a worker of its own that has come up.

    Args:
        home: New folder.
        settings: Lines of its `chiasm.toml`.
    """

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        self._home = home
        self._settings = dict(settings)
        self._peaks: dict[int, float] = {}

    def __enter__(self) -> _Service:
        self._home.mkdir(parents=True)
        lines = [f'{name} = "{value}"' for name, value in self._settings.items()]
        (self._home / "chiasm.toml").write_text("\n".join(lines), encoding="utf-8")
        self._kb = chiasm.open(self._home)
        self._log = (self._home / "worker.log").open("wb")
        command = [sys.executable, "-m", "chiasm", "--home", str(self._home), "worker"]
        self._worker = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        # Work that finds no worker would start the home's own one beside ours.
        while not worker_present(load_settings(self._home)):
            time.sleep(0.05)
        # The worker and its models have come up when this is done.
        self._kb.ingest([{"key": "warm", "title": "warm"}, {"key": "up", "title": "up"}]).wait()
        self._watching = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._watching.set()
        self._watch.join()
        self._kb.close()
        self._worker.send_signal(signal.SIGTERM)
        self._worker.wait(60)
        self._log.close()

    def ingest(self, path: Path) -> float:
        """Seconds until everything of the file is done."""
        self._peaks.clear()
        started = time.perf_counter()
        job = self._kb.ingest(path).wait()
        taken = time.perf_counter() - started
        if job.progress.state != "done" or job.result.get("failed"):
            raise SystemExit(f"the ingest ended {job.progress.state}: {job.result}")
        return taken

    def peak_mib(self) -> float:
        """Resident memory of the worker's processes together, at the most, since the ingest began."""
        return max(self._peaks.values(), default=0.0)

    def _look(self) -> None:
        number = 0
        while not self._watching.wait(0.5):
            number += 1
            self._peaks[number] = sum(_resident_mib(pid) for pid in _tree(self._worker.pid))


def _manifest(path: Path, count: int, words: int = 3) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for n in range(count):
            name = " ".join(
                (_ADJECTIVES if place % 2 else _NOUNS)[(n // (place + 1) ** 2 + place) % 10]
                for place in range(words)
            )
            record = {
                "key": f"object:{n}",
                "domain": "objects",
                "title": f"{name} {n}",
                "attributes": {"year": 1500 + n % 500, "room": f"hall {n % 40}"},
            }
            file.write(json.dumps(record) + "\n")
    return path


def _bare(path: Path, manifest: Path) -> float:
    """Seconds of the same rows in one plain table."""
    started = time.perf_counter()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE entity (id INTEGER PRIMARY KEY, key TEXT UNIQUE, title TEXT, attributes TEXT)"
    )
    with manifest.open(encoding="utf-8") as file:
        while lines := [json.loads(line) for line in _some(file, 1000)]:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO entity (key, title, attributes) VALUES (?, ?, ?)",
                [(one["key"], one["title"], json.dumps(one["attributes"])) for one in lines],
            )
            connection.execute("COMMIT")
    connection.close()
    return time.perf_counter() - started


def _some(file: Any, count: int) -> Iterator[str]:
    for _, line in zip(range(count), file, strict=False):
        yield line


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="chiasm-ingest-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield from _tree(int(child))


def _resident_mib(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _median(name: str, values: list[float], unit: str, target: str = "", baseline: str = "") -> Row:
    return Row(
        name,
        statistics.median(values),
        unit=unit,
        target=target,
        baseline=baseline,
        spread=(min(values), max(values)),
        n=len(values),
    )


if __name__ == "__main__":
    main()
