"""One peer as a child process: requests on standard input, answers on standard output, a line of JSON each."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from benchmarks.peers.protocol import Data, Peer
from benchmarks.searching.measure import batches, singles

K = 10


def main() -> None:
    """Answer until the input ends."""
    name, corpus, store = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    answers = _own_output()
    peer: Peer = importlib.import_module(f"benchmarks.peers.{name}").PEER(store)
    data = Data(corpus)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = _answer(peer, data, **request)
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is its answer
            answer = {"error": f"{type(error).__name__}: {error}"[:2000]}
        print(json.dumps(answer), file=answers, flush=True)
    peer.close()


def _own_output() -> TextIO:
    """Standard output for answers alone: what libraries print goes to standard error."""
    mine = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return mine


def _answer(peer: Peer, data: Data, *, do: str, **request: Any) -> dict[str, Any]:
    if do == "build":
        peer.store.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        peer.build(data)
        return {"s": time.perf_counter() - began}
    if do == "open":
        peer.open()
        first = peer.search(data.queries[0], K, None, peer.knobs(None)[0])
        return {"hits": len(first), "embedded": peer.embedded, "payload": peer.payload}
    if do == "knobs":
        return {"knobs": peer.knobs(request["mark"])}
    queries = getattr(data, request["of"])[request["start"] :]
    if do == "batches":
        rates, found = batches(
            lambda some: peer.search_batch(some, K, request["knob"]), queries, max_s=request["max_s"]
        )
        return {"rates": rates, "found": found}
    ms, found = singles(
        lambda query: peer.search(query, K, request["mark"], request["knob"]),
        queries,
        max_s=request["max_s"],
    )
    return {"ms": ms, "found": found}


if __name__ == "__main__":
    main()
