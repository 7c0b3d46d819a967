"""Names and keywords of emoji in one language, from CLDR's annotation files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

__all__ = ["Annotation", "read_annotations"]

#: CLDR marks what a language takes over from its parent locale like this.
_INHERITED = "\u2191\u2191\u2191"


@dataclass(frozen=True)
class Annotation:
    """What one language calls an emoji."""

    name: str = ""
    keywords: tuple[str, ...] = ()


def read_annotations(paths: Sequence[Path]) -> dict[str, Annotation]:
    """Plain sequence -> annotation; an earlier file wins over a later one.

    Args:
        paths: Annotation files of one language.
    """
    found: dict[str, Annotation] = {}
    for path in paths:
        names: dict[str, str] = {}
        keywords: dict[str, tuple[str, ...]] = {}
        # The files come from an installed package; they name a DTD but define no entities.
        for element in ElementTree.parse(path).iter("annotation"):
            char, text = element.get("cp", ""), (element.text or "").strip()
            if not text or text == _INHERITED:
                continue
            if element.get("type") == "tts":
                names[char] = text
            else:
                keywords[char] = tuple(
                    dict.fromkeys(word.strip() for word in text.split("|") if word.strip())
                )
        for char in {**names, **keywords}:
            found.setdefault(char, Annotation(names.get(char, ""), keywords.get(char, ())))
    return found
