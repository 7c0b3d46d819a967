"""Search against bare FAISS and other people's vector stores: recall, time, throughput, memory, disk.

    python -m benchmarks.search [--size 117k|1m|4m] [--only ours,faiss,peers] [--peers chroma,...] [--json FILE]

The data are WordNet's glosses (Debian's package `wordnet-base`) as MiniLM vectors, 1,000 of them held out as
queries and 200 more for tuning; larger sizes are mixtures of these. Encoding takes minutes to hours, once. Vectors,
exact answers and what bare FAISS and peers have built are kept in the folder `--cache` (some 10 GB); the home is filled
anew each time. Peers live in an environment of their own, `.venv-peers`, which is made when it is missing; one
that cannot be had is said to be absent.

Everybody returns the ten best with text and domain, in one process on two cores, and is tuned on the other queries:
bare FAISS and unfiltered peers to recall .99, filtered peers to .96. Times are taken in turns in this run. Rows a second
into a peer are of the run that built it: with `--rebuild` of this one.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.rows import Row, print_rows, write_rows
from benchmarks.searching.against_faiss import faiss_rows
from benchmarks.searching.against_peers import peer_rows
from benchmarks.searching.alone import alone_rows, growth_rows
from benchmarks.searching.corpus import load_corpus
from benchmarks.searching.home import fill_home
from benchmarks.searching.measure import two_cores
from benchmarks.searching.ours import Ours
from benchmarks.searching.peers import PEERS

_PARTS = ("ours", "faiss", "peers")
_MULTIPLES = {"k": 1_000, "m": 1_000_000}
#: All glosses but those held out.
_DEFAULT = "117k"
#: Sizes up to which a peer is asked; beyond, nobody but bare FAISS.
_PEERS_TO, _LANCE_TO = 200_000, 1_500_000


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default=_DEFAULT, help="rows: 117k (all glosses), 1m, 4m, or a number")
    parser.add_argument("--only", default=",".join(_PARTS))
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "chiasm-benchmarks" / "search")
    parser.add_argument("--encoded", type=int, help="glosses to encode at most; the rest are mixtures")
    parser.add_argument("--rebuild", action="store_true", help="build bare indexes and peers anew, too")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    two_cores()
    write_rows(_measured(args), args.json)


def _measured(args: argparse.Namespace) -> list[Row]:
    parts, size = args.only.split(","), _rows_of(args.size)
    corpus = load_corpus(args.cache, size, args.encoded)
    print(f"{len(corpus)} rows{', mixed' if corpus.mixed else ''}", flush=True)
    if args.rebuild:
        shutil.rmtree(corpus.folder / "peers", ignore_errors=True)
        for path in corpus.folder.glob("bare-*"):
            path.unlink()
    home = corpus.folder / "home"
    filled = fill_home(corpus, home)
    rows: list[Row] = []
    with Ours(home) as ours:
        if "ours" in parts:
            rows += _printed(alone_rows(ours, corpus, home, filled))
        if "faiss" in parts:
            rows += _printed(faiss_rows(ours, corpus, filled))
        if "peers" in parts:
            names = _asked(args.peers.split(","), len(corpus))
            rows += _printed(peer_rows(ours, corpus, filled, names))
        if "ours" in parts and size > _PEERS_TO:
            small = load_corpus(args.cache, _rows_of(_DEFAULT), args.encoded)
            fill_home(small, small.folder / "home")
            with Ours(small.folder / "home") as other:
                rows += _printed(growth_rows(ours, corpus, other, small))
    return rows


def _printed(rows: Iterable[Row]) -> list[Row]:
    """The rows, each printed as soon as it is there."""
    done = []
    for row in rows:
        print_rows([row])
        sys.stdout.flush()
        done.append(row)
    return done


def _rows_of(size: str) -> int:
    """Rows of a size as given; 0 means all glosses."""
    if size == _DEFAULT:
        return 0
    multiple = _MULTIPLES.get(size[-1], 1)
    return int(float(size.rstrip("km")) * multiple)


def _asked(names: list[str], rows: int) -> list[str]:
    if rows <= _PEERS_TO:
        return names
    return [name for name in names if name.startswith("lance")] if rows <= _LANCE_TO else []


if __name__ == "__main__":
    main()
