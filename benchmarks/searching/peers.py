"""Peers as child processes: started, asked, timed; one that cannot be had is shown as absent."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.searching.measure import Batches, Singles

__all__ = ["PEERS", "PeerError", "PeerProcess", "environment"]

#: Modules of `benchmarks.peers`.
PEERS = ("chroma", "hnswlib", "lance_hnsw_sq", "lance_ivf_pq", "milvus_lite", "pgvector", "txtai")
_ROOT = Path(__file__).resolve().parents[2]
_VENV = _ROOT / ".venv-peers"
_REQUIREMENTS = _ROOT / "benchmarks" / "peers" / "requirements.txt"
#: Seconds that one answer may take; building everything is one.
_LIMIT_S = 1800.0
#: What the libraries among them read, each its own.
_TWO_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "LANCE_CPU_THREADS")


class PeerError(Exception):
    """A peer could not be started, or did not answer."""


def environment() -> Path:
    """The interpreter of the peers' environment, which is made if need be.

    Raises:
        PeerError: It cannot be made.
    """
    python, stamp = _VENV / "bin" / "python", _VENV / ".installed"
    wanted = _REQUIREMENTS.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print("setting up .venv-peers (minutes, the first time)", flush=True)
    uv = [sys.executable, "-m", "uv"]
    commands = [
        [*uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(_VENV)],
        [*uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(_REQUIREMENTS)],
    ]
    for command in commands:
        if subprocess.run(command, check=False).returncode:
            raise PeerError(f"{' '.join(command)} failed")
    stamp.write_text(wanted, encoding="utf-8")
    return python


class PeerProcess:
    """One peer at work.

    Args:
        name: Module of `benchmarks.peers`.
        corpus: Folder of the data.
        store: Folder of its files, kept from run to run.
    """

    def __init__(self, name: str, corpus: Path, store: Path) -> None:
        self.name = name
        self.store = store
        #: Seconds from the start of the process to the first answer, with what was stored.
        self.cold_open_s = 0.0
        self.facts: dict[str, Any] = {}
        self._command = [str(environment()), "-m", "benchmarks.peers", name, str(corpus), str(store)]

    def __enter__(self) -> PeerProcess:
        self._built = self.store / "built.json"
        try:
            if not self._built.exists():
                # What an interrupted run has left is no whole store.
                shutil.rmtree(self.store, ignore_errors=True)
                self._start()
                answer = self._ask(do="build")
                self._stop()
                self._built.write_text(json.dumps(answer), encoding="utf-8")
            began = time.perf_counter()
            self._start()
            self.facts = self._ask(do="open")
            self.cold_open_s = time.perf_counter() - began
        except PeerError:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def build_s(self) -> float:
        """Seconds that storing everything took, when it was done."""
        return float(json.loads(self._built.read_text(encoding="utf-8"))["s"])

    @property
    def disk_bytes(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.store.rglob("*") if path.is_file())

    def knobs(self, mark: str | None) -> list[dict[str, Any]]:
        """Settings to choose from."""
        return list(self._ask(do="knobs", mark=mark)["knobs"])

    def singles(
        self, knob: dict[str, Any], mark: str | None, *, of: str, start: int = 0, max_s: float
    ) -> Singles:
        """Queries one by one, from the ``start``-th on."""
        answer = self._ask(do="singles", knob=knob, mark=mark, of=of, start=start, max_s=max_s)
        return Singles(answer["ms"], answer["found"])

    def batches(self, knob: dict[str, Any], *, start: int = 0, max_s: float) -> Batches:
        """Queries in batches."""
        answer = self._ask(do="batches", knob=knob, of="queries", start=start, max_s=max_s)
        return Batches(answer["rates"], answer["found"])

    def _start(self) -> None:
        self.store.mkdir(parents=True, exist_ok=True)
        told = {**os.environ, **dict.fromkeys(_TWO_THREADS, "2"), "PYTHONWARNINGS": "ignore"}
        # Beside the store, which is the peer's own.
        log = self.store.with_suffix(".log").open("ab")
        self._process = subprocess.Popen(
            self._command, cwd=_ROOT, env=told, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        )
        log.close()

    def _stop(self) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        limit = threading.Timer(_LIMIT_S, self._process.kill)
        limit.start()
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = b""
        finally:
            limit.cancel()
        if not line:
            raise PeerError(f"{self.name} ended: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerError(f"{self.name}: {answer['error']}")
        return answer

    def _last_words(self) -> str:
        lines = self.store.with_suffix(".log").read_text("utf-8", errors="replace").splitlines()
        return lines[-1] if lines else "no output"
