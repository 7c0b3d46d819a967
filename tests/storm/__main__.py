"""`python -m tests.storm [--seconds 3600] [--seed N] [--database URL] [--broker URL] [--operations N]`."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.storm.oracle.run import long_duel
from tests.storm.run import storm


def main() -> int:
    """Exit status 1 if anything is not as it was acknowledged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--database", help="an empty PostgreSQL database; SQLite in the home by default")
    parser.add_argument("--broker", help="Redis or RabbitMQ; the embedded broker by default")
    parser.add_argument(
        "--operations", type=int, default=200_000, help="of the model-based test that follows"
    )
    parser.add_argument("--folder", type=Path, help="kept afterwards")
    options = parser.parse_args()
    given = {"database_url": options.database, "broker_url": options.broker}
    settings = {name: value for name, value in given.items() if value}
    sys.stdout.write(f"seed {options.seed}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="chiasm-storm-") as scratch:
        outcome = storm(
            options.folder or Path(scratch),
            seconds=options.seconds,
            seed=options.seed,
            clients=options.clients,
            settings=settings,
        )
    sys.stdout.write(f"{outcome}\n")
    agree = long_duel(options.seed, options.operations)
    return 1 if outcome.differences or not agree else 0


if __name__ == "__main__":
    sys.exit(main())
