"""Comparing all contents of a scope: equal ones, those that look, sound or read alike, neighbours in the spaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from chiasm.duplicates.confidence import MOST, MOST_BY_VECTOR, letters, shared, text_weight
from chiasm.duplicates.evidence import Evidence
from chiasm.duplicates.neighbours import near_contents
from chiasm.duplicates.pairs import FoundPair
from chiasm.duplicates.prints import read_prints
from chiasm.duplicates.scope import Scope, holders, texts_of
from chiasm.duplicates.signals import pictures, sounds, texts
from chiasm.duplicates.signals.index import equal_numbers, hamming_pairs, offsets_in_common

if TYPE_CHECKING:
    from chiasm.jobs import WorkContext

__all__ = ["find_pairs"]

#: Cosine from which two contents of a space may be one, and how much above it is all that it can say.
_COSINE, _ABOVE = 0.95, 0.05

Two = tuple[str, str]
#: (signal, confidence of two holders, value) of two contents; None where they are not alike.
Verdict = tuple[str, float, float] | None


class _Comparer(Protocol):
    """How contents of a modality are compared."""

    def candidates(self, beat: Callable[[], None]) -> set[Two]:
        """Pairs of contents that are worth comparing, each in order."""

    def verdict(self, two: Two) -> Verdict:
        """What two contents say."""


def find_pairs(ctx: WorkContext, scope: Scope) -> list[FoundPair]:
    """Pairs of entities at least as sure as asked for, in order; nothing is written."""
    with ctx.catalog.read() as session:
        held = {modality: holders(session, scope, modality) for modality in scope.modalities}
        told = texts_of(session, scope) if "text" in scope.modalities else {}
    evidence = Evidence(held)
    for modality in scope.modalities:
        ctx.beat(stage=f"comparing {modality}")
        for content, owners in held[modality].items():
            if len(owners) > 1:
                length = letters(told[content]) if modality == "text" else None
                evidence.equal(modality, content, shared(len(owners), length))
        comparer = _comparer(ctx, scope, modality, list(held[modality]), told)
        candidates = comparer.candidates(ctx.beat)
        for number, two in enumerate(sorted(candidates)):
            if number % 256 == 0:
                ctx.beat(number, len(candidates), f"comparing {modality}")
            _note(evidence, modality, two, comparer.verdict(two))
        for two, cosine in near_contents(ctx, scope, modality, held[modality], _COSINE):
            found = comparer.verdict(two) if two not in candidates else None
            _note(evidence, modality, two, found)
            if two not in candidates or found is None:
                weight = min(text_weight(letters(told[one])) for one in two) if modality == "text" else 1.0
                _note(evidence, modality, two, ("vector", weight * _by_vector(cosine), cosine))
    return evidence.pairs(scope.min_confidence)


def _note(evidence: Evidence, modality: str, two: Two, verdict: Verdict) -> None:
    if verdict is not None:
        signal, confidence, value = verdict
        # The more entities have something like it, the less it says, as with equal contents.
        common = shared(max(2, evidence.together(modality, two))) / MOST
        evidence.near(modality, two, signal, confidence * common, value)


def _by_vector(cosine: float) -> float:
    return MOST_BY_VECTOR * min(1.0, max(0.0, (cosine - _COSINE) / _ABOVE))


def _comparer(
    ctx: WorkContext, scope: Scope, modality: str, contents: list[str], told: dict[str, str]
) -> _Comparer:
    if modality == "text":
        return _Texts(told)
    with ctx.catalog.read() as session:
        prints = read_prints(session, scope.workspace_id, modality, contents)
    return _Pictures(prints) if modality == "image" else _Sounds(prints)


class _Texts:
    def __init__(self, told: dict[str, str]) -> None:
        plain = {content: texts.plain(text) for content, text in sorted(told.items())}
        self._told = told
        self._plain = {one: text for one, text in plain.items() if len(text) >= texts.MIN_SIGNS}
        self._shingles: dict[str, Any] = {}

    def candidates(self, beat: Callable[[], None]) -> set[Two]:
        names = list(self._plain)
        bands = np.zeros((len(names), texts.BANDS), dtype=np.uint64)
        for row, name in enumerate(names):
            if row % 256 == 0:
                beat()
            bands[row] = texts.bands_of(texts.shingles(self._plain[name]))
        return {
            (names[one], names[other])
            for group in equal_numbers(bands)
            for at, one in enumerate(group)
            for other in group[at + 1 :]
        }

    def verdict(self, two: Two) -> Verdict:
        if not all(one in self._plain for one in two):
            return None
        common = texts.resemblance(*(self._of(one) for one in two))
        if common < texts.LEAST:
            return None
        length = min(letters(self._told[one]) for one in two)
        return "text", MOST * text_weight(length) * texts.likeness(common), common

    def _of(self, content: str) -> Any:
        if content not in self._shingles:
            self._shingles[content] = texts.shingles(self._plain[content])
        return self._shingles[content]


class _Pictures:
    def __init__(self, prints: dict[str, bytes]) -> None:
        self._pictures = {one: pictures.Picture.from_bytes(data) for one, data in sorted(prints.items())}

    def candidates(self, beat: Callable[[], None]) -> set[Two]:
        names = list(self._pictures)
        hashes = np.array([one.hash for one in self._pictures.values()], dtype=np.uint64)
        found = hamming_pairs(hashes, pictures.RADIUS, beat)
        return {(names[one], names[other]) for one, other in found.tolist()}

    def verdict(self, two: Two) -> Verdict:
        if not all(one in self._pictures for one in two):
            return None
        confidence, bits = pictures.alike(*(self._pictures[one] for one in two))
        return ("look", confidence, float(bits)) if bits <= pictures.RADIUS else None


class _Sounds:
    def __init__(self, prints: dict[str, bytes]) -> None:
        self._frames = {one: sounds.frames_from_bytes(data) for one, data in sorted(prints.items())}
        self._offsets: dict[Two, list[int]] = {}

    def candidates(self, beat: Callable[[], None]) -> set[Two]:
        beat()
        names = list(self._frames)
        found = offsets_in_common(list(self._frames.values()), sounds.SILENT)
        self._offsets = {(names[one], names[other]): offsets for (one, other), offsets in found.items()}
        return set(self._offsets)

    def verdict(self, two: Two) -> Verdict:
        if not all(one in self._frames for one in two):
            return None
        one, other = (self._frames[content] for content in two)
        tried = {near for offset in self._offsets.get(two, [0]) for near in (offset - 1, offset, offset + 1)}
        overlaps = [sounds.overlap(one, other, offset) for offset in sorted(tried)]
        confidence, differ = max((sounds.alike(found), -found.differ) for found in overlaps)
        return ("sound", confidence, -differ) if confidence > 0.0 else None
