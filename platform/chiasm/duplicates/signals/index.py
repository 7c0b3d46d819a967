"""Which contents are worth comparing: equal pieces of hashes, without looking at every pair."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from chiasm_graph.spans import spread

__all__ = ["equal_numbers", "hamming_pairs", "offsets_in_common"]

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

_PIECES, _PIECE_BITS = 4, 16
#: Contents with one piece in common of which there are more than this: it says nothing.
_MAX_EQUAL = 256
#: Frames that more sounds have than this are hum and hiss.
_MAX_FRAMES = 16


def hamming_pairs(hashes: Words, radius: int, beat: Callable[[], None] = lambda: None) -> Ints:
    """Positions of all pairs of 64-bit hashes that differ in at most `radius` bits, (pairs, 2), first < second.

    Of four pieces of 16 bits, one differs in at most a quarter of the bits (Norouzi et al., Fast Search in Hamming
    Space with Multi-Index Hashing, CVPR 2012): each piece is looked up with all so many bits turned.

    Args:
        hashes: (n,).
        radius: Bits.
        beat: Called now and then.
    """
    turns = [
        sum(1 << bit for bit in bits)
        for count in range(radius // _PIECES + 1)
        for bits in combinations(range(_PIECE_BITS), count)
    ]
    codes = [np.zeros(0, dtype=np.int64)]
    count = len(hashes)
    for piece in range(_PIECES):
        keys = ((hashes >> np.uint64(piece * _PIECE_BITS)) & np.uint64(0xFFFF)).astype(np.int64)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        for turn in turns:
            beat()
            one, other = _matches(keys ^ turn, ordered, order)
            keep = one < other
            one, other = one[keep], other[keep]
            near = np.bitwise_count(hashes[one] ^ hashes[other]) <= radius
            codes.append(one[near] * count + other[near])
    found = np.unique(np.concatenate(codes))
    return np.stack([found // max(1, count), found % max(1, count)], axis=1)


def equal_numbers(numbers: Words) -> Iterator[list[int]]:
    """Positions that have a number of a column in common, two or more; numbers that very many have are passed over.

    Args:
        numbers: (n, columns).
    """
    for column in numbers.T:
        order = np.argsort(column, kind="stable")
        bounds = np.flatnonzero(np.diff(column[order])) + 1
        for group in np.split(order, bounds):
            if 2 <= len(group) <= _MAX_EQUAL:
                yield np.sort(group).tolist()


def offsets_in_common(sounds: list[NDArray[np.uint32]], silent: int) -> dict[tuple[int, int], list[int]]:
    """Pairs of sounds with frames in common, and the offsets at which they have most of them, at least two.

    Args:
        sounds: Frames of each, (frames,).
        silent: Number of a frame that does not count.
    """
    if not sounds:
        return {}
    values = np.concatenate(sounds)
    owner = np.repeat(np.arange(len(sounds)), [len(one) for one in sounds])
    place = np.concatenate([np.arange(len(one)) for one in sounds])
    heard = values != silent
    values, owner, place = values[heard], owner[heard], place[heard]
    order = np.argsort(values, kind="stable")
    values, owner, place = values[order], owner[order], place[order]
    common = np.ones(len(values), dtype=np.bool_)
    common[:-_MAX_FRAMES] = values[:-_MAX_FRAMES] != values[_MAX_FRAMES:]
    span = int(place.max(initial=0)) + 1
    codes = [np.zeros(0, dtype=np.int64)]
    for gap in range(1, _MAX_FRAMES):
        same = (values[:-gap] == values[gap:]) & (owner[:-gap] != owner[gap:]) & common[:-gap]
        one, other = np.flatnonzero(same), np.flatnonzero(same) + gap
        swap = owner[one] > owner[other]
        one, other = np.where(swap, other, one), np.where(swap, one, other)
        offset = place[other] - place[one] + span
        codes.append((owner[one] * len(sounds) + owner[other]) * (2 * span + 1) + offset)
    found, votes = np.unique(np.concatenate(codes), return_counts=True)
    found, votes = found[votes >= 2], votes[votes >= 2]
    offsets: dict[tuple[int, int], list[int]] = {}
    for code in found[np.argsort(-votes, kind="stable")].tolist():
        pair, offset = divmod(code, 2 * span + 1)
        mine = offsets.setdefault(divmod(pair, len(sounds)), [])
        if len(mine) < 3:
            mine.append(offset - span)
    return offsets


def _matches(wanted: Ints, ordered: Ints, order: Ints) -> tuple[Ints, Ints]:
    """Positions of wanted keys, and of the keys equal to them."""
    first = np.searchsorted(ordered, wanted, side="left")
    count = np.searchsorted(ordered, wanted, side="right") - first
    count[count > _MAX_EQUAL] = 0
    one, at = spread(first, count)
    return one, order[at]
