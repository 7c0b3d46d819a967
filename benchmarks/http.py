"""Searches a second over HTTP, by entity, beside a bare FastAPI route that returns the same JSON.

    python -m benchmarks.http [--emoji HOME] [--large HOME] [--only emoji,116k] [--processes 2] [--rounds 5] [--json FILE]

Both are served by uvicorn with as many processes on one socket; 16 connections of a client in a process of its own
ask one after the other, in turn ours and the floor, so that a busy hour hits both. Every query is another entity.
Homes that are not given are made: the emoji with a briefly trained release (how long a query takes does not depend on
how good it is), and 116,033 entities with vectors of an encoder that takes constant time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chiasm
from benchmarks.rows import Row, print_rows, write_rows
from benchmarks.serving.load import Connection
from benchmarks.serving.server import Server
from benchmarks.shared_data import shared_data

_CONSTANT = {"CHIASM_TEXT_ENCODER": "hash:text/384"}
_LARGE = 116_033
_CONNECTIONS = 16
_BRIEF = {
    "encoders.text_tuning": "{steps: 2}",
    "encoders.image.student": "{max_steps: 20, epochs: 20, warmup_steps: 2}",
    "training.epochs": "1",
}
_TARGETS = {"emoji": ">= 0.6", "116k": ">= 0.3"}
_WORDS = (
    "red",
    "old",
    "small",
    "broken",
    "painted",
    "carved",
    "bell",
    "boat",
    "drum",
    "mask",
    "lamp",
    "chair",
)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--emoji", type=Path, help="home that holds the emoji catalogue and a release already"
    )
    parser.add_argument(
        "--large", type=Path, help="home of 116,033 entities e:0, e:1, ... with constant vectors"
    )
    parser.add_argument("--only", default="emoji,116k")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in args.only.split(","):
            given = {"emoji": args.emoji, "116k": args.large}[name]
            home, environment = _home(name, given, Path(folder) / name)
            rows += _measured(name, home, environment, Path(folder), args)
    print_rows(rows)
    write_rows(rows, args.json)


def _home(name: str, given: Path | None, fresh: Path) -> tuple[Path, dict[str, str]]:
    environment = _CONSTANT if name == "116k" else {}
    if given is not None:
        return given, environment
    os.environ.update(environment)
    with chiasm.open(fresh) as kb:
        if name == "emoji":
            kb.ingest(shared_data() / "emoji" / "emoji.jsonl").wait()
            kb.train(overrides=_BRIEF, promote="force").wait()
        else:
            kb.ingest(_records()).wait()
    for variable in environment:
        del os.environ[variable]
    return fresh, environment


def _records() -> Iterator[dict[str, Any]]:
    for number in range(_LARGE):
        words = (_WORDS[(number // 12**place) % 12] for place in range(4))
        yield {"key": f"e:{number}", "domain": "things", "title": f"{' '.join(words)} {number}"}


def _measured(
    name: str, home: Path, environment: dict[str, str], folder: Path, args: argparse.Namespace
) -> list[Row]:
    bodies = folder / f"{name}.jsonl"
    bodies.write_text(
        "\n".join(json.dumps({"entity": key, "k": 10}) for key in _keys(name)), encoding="utf-8"
    )
    serve = ["--home", str(home), "--port", "0", "--processes", str(args.processes)]
    with Server("chiasm.api", *serve, environment=environment) as ours:
        answer = folder / f"{name}.json"
        answer.write_bytes(_one_answer(ours.port, bodies))
        with Server(
            "benchmarks.serving.floor", str(answer), str(args.processes), ready="/openapi.json"
        ) as floor:
            _loaded(ours.port, bodies, args.seconds)
            _loaded(floor.port, bodies, args.seconds)
            rounds = [
                (_loaded(ours.port, bodies, args.seconds), _loaded(floor.port, bodies, args.seconds))
                for _ in range(args.rounds)
            ]
    return _rows(name, rounds, args.processes)


def _keys(name: str) -> list[str]:
    if name == "116k":
        return [f"e:{number * 37 % _LARGE}" for number in range(5_000)]
    lines = (shared_data() / "emoji" / "emoji.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["key"] for line in lines]


def _one_answer(port: int, bodies: Path) -> bytes:
    connection = Connection(port)
    status, answer = connection.ask("/v1/search", bodies.read_bytes().splitlines()[0])
    connection.close()
    if status != 200 or len(json.loads(answer)["hits"]) != 10:
        raise SystemExit(f"this is no answer to measure with: {status} {answer[:300]!r}")
    return answer


def _loaded(port: int, bodies: Path, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.serving.load", str(port), "/v1/search", str(bodies)]
    done = subprocess.run(
        [*command, str(_CONNECTIONS), str(seconds)], capture_output=True, check=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    if found["errors"]:
        raise SystemExit(f"{found['errors']:.0f} answers were errors")
    return found


def _rows(name: str, rounds: list[tuple[dict[str, float], dict[str, float]]], processes: int) -> list[Row]:
    ratios = [ours["rps"] / floor["rps"] for ours, floor in rounds]
    rows = [
        Row(
            f"http_rps_vs_floor_{name}",
            statistics.median(ratios),
            unit="ratio",
            baseline=f"bare FastAPI route, {processes} processes each, 16 connections",
            target=_TARGETS[name],
            spread=(min(ratios), max(ratios)),
            n=len(ratios),
        )
    ]
    for row, side, figure, unit in (
        ("rps", 0, "rps", "1/s"),
        ("floor_rps", 1, "rps", "1/s"),
        ("p50_ms", 0, "p50_ms", "ms"),
        ("p99_ms", 0, "p99_ms", "ms"),
    ):
        values = [pair[side][figure] for pair in rounds]
        spread = (min(values), max(values))
        rows.append(
            Row(f"http_{row}_{name}", statistics.median(values), unit=unit, spread=spread, n=len(values))
        )
    return rows


if __name__ == "__main__":
    main()
