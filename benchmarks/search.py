"""Search against bare FAISS and other people's vector stores: recall, time, throughput, memory, disk.

    python -m benchmarks.search [--size 117k|1m|4m] [--only ours,faiss,peers] [--peers chroma,...] [--json FILE]

The data are WordNet's glosses (Debian's package `wordnet-base`) as MiniLM vectors, 1,000 of them held out as
queries and 200 more for tuning; larger sizes are mixtures of these. Encoding takes minutes to hours, once; vectors,
exact answers and what peers and bare FAISS have built are kept in the folder `--cache` (some 10 GB), the home is
filled anew each time. Everybody returns the ten best with text and domain, in one process on two cores, and is
tuned on the other queries: bare FAISS and unfiltered peers to recall .99, filtered peers to .95. Every ratio is of
figures taken in turns in this run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.rows import Row, print_rows, write_rows
from benchmarks.searching.against_faiss import faiss_rows
from benchmarks.searching.against_peers import peer_rows
from benchmarks.searching.alone import alone_rows, growth_rows
from benchmarks.searching.corpus import load_corpus
from benchmarks.searching.home import Filled, fill_home
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
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    two_cores()
    rows = _measured(args)
    print_rows(rows)
    write_rows(rows, args.json)


def _measured(args: argparse.Namespace) -> list[Row]:
    parts = args.only.split(",")
    size = _rows_of(args.size)
    corpus = load_corpus(args.cache, size, args.encoded)
    print(f"{len(corpus)} rows{', mixed' if corpus.mixed else ''}, in {corpus.folder}", flush=True)
    home = corpus.folder / "home"
    filled = fill_home(corpus, home)
    print(f"home: {_shown(filled)}", flush=True)
    rows: list[Row] = []
    with Ours(home) as ours:
        if "ours" in parts:
            rows += alone_rows(ours, corpus, home, filled)
        if "faiss" in parts:
            rows += faiss_rows(ours, corpus, filled)
        if "peers" in parts:
            rows += peer_rows(ours, corpus, filled, _asked(args.peers.split(","), len(corpus)))
        if "ours" in parts and size > _PEERS_TO:
            small = load_corpus(args.cache, _rows_of(_DEFAULT), args.encoded)
            fill_home(small, small.folder / "home")
            with Ours(small.folder / "home") as other:
                rows += growth_rows(ours, corpus, other, small)
    return rows


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


def _shown(filled: Filled) -> str:
    kinds = ", ".join(filled.kinds)
    return f"catalog {filled.catalog_s:.1f} s, vectors {filled.vectors_s:.1f} s, segments {kinds}"


if __name__ == "__main__":
    main()
