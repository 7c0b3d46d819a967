"""`python -m tests.storm.oracle [--operations 200000] [--seed N] [--keys N]`."""

from __future__ import annotations

import argparse
import random
import sys

from tests.storm.oracle.run import long_duel


def main() -> int:
    """Exit status 1 where the catalogue and the model differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--keys", type=int, default=60)
    options = parser.parse_args()
    return 0 if long_duel(options.seed, options.operations, options.keys) else 1


if __name__ == "__main__":
    sys.exit(main())
