"""`python -m tests.storm [--seconds 3600] [--seed N] [--only sqlite,servers] [--operations N] [--folder DIR]`.

SQLite with the embedded broker and PostgreSQL with Redis stand the storm side by side; then the model-based test.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.servers import PostgresServer, RedisServer
from tests.storm.oracle.run import long_duel
from tests.storm.run import Outcome, storm

_TOLD_EVERY_S = 60.0
_PLACES = ("sqlite", "servers")


def main() -> int:
    """Exit status 1 if anything is not as it was acknowledged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--only", default=",".join(_PLACES), help="sqlite, servers or both (default)")
    parser.add_argument(
        "--operations", type=int, default=200_000, help="of the model-based test that follows"
    )
    parser.add_argument("--folder", type=Path, help="kept afterwards")
    options = parser.parse_args()
    places = options.only.split(",")
    if unknown := sorted(set(places) - set(_PLACES)):
        parser.error(f"no such place: {', '.join(unknown)}")
    _say(f"seed {options.seed}")
    with ExitStack() as stack:
        folder = options.folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="chiasm-storm-"))
        )
        settings: dict[str, dict[str, str]] = {place: {} for place in places}
        if "servers" in places:
            settings["servers"] = _servers(stack)

        def stand(place: str) -> Outcome:
            return storm(
                folder / place,
                seconds=options.seconds,
                seed=options.seed,
                clients=options.clients,
                settings=settings[place],
                tell=lambda outcome: _say(f"{place}: {outcome}"),
                every_s=_TOLD_EVERY_S,
            )

        with ThreadPoolExecutor(len(places)) as pool:
            outcomes = dict(zip(places, pool.map(stand, places), strict=True))
    for place, outcome in outcomes.items():
        _say(f"{place} at the end: {outcome}")
    agree = long_duel(options.seed, options.operations) if options.operations else True
    return 1 if any(outcome.differences for outcome in outcomes.values()) or not agree else 0


def _servers(stack: ExitStack) -> dict[str, str]:
    """Settings of PostgreSQL and Redis, started on loopback for this storm."""
    postgres, redis = PostgresServer(durable=True), RedisServer()
    for server in (postgres, redis):
        stack.callback(server.remove)
        server.start()
    return {"database_url": postgres.new_database(), "broker_url": redis.url}


_speaking = threading.Lock()


def _say(line: str) -> None:
    with _speaking:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
