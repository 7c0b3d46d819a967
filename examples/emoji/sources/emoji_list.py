"""The list of all emoji with groups and sub-groups, from Unicode's `emoji-test.txt`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Listed", "base_of", "list_emoji", "parse_emoji_test", "plain"]

JOINER = "\u200d"
VARIATION_SELECTOR = "\ufe0f"
SKIN_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))

_LINE = re.compile(
    r"^(?P<points>[0-9A-F ]+?)\s*; (?P<status>[a-z-]+)\s*# \S+ E(?P<version>[\d.]+) (?P<name>.+)$"
)
_FALLBACK_BLOCKS = ((0x1F300, 0x1F650), (0x1F680, 0x1F700), (0x1F900, 0x1FB00))


@dataclass(frozen=True)
class Listed:
    """One fully qualified emoji sequence."""

    char: str
    name: str
    group: str = ""
    subgroup: str = ""
    #: The Emoji version that brought it.
    version: float = 0.0

    @property
    def key(self) -> str:
        """`emoji:` and the code points, without the selectors that only ask for colour."""
        return "emoji:" + "-".join(f"{ord(point):X}" for point in plain(self.char))

    @property
    def parts(self) -> tuple[str, ...]:
        """The plain sequences that joiners hold together; one for an emoji that is not composed."""
        return tuple(plain(self.char).split(JOINER))

    @property
    def has_skin_tone(self) -> bool:
        """Whether this is a skin-tone variant of another emoji."""
        return bool(SKIN_TONES & set(self.char))


def plain(char: str) -> str:
    """A sequence without variation selectors, as CLDR and our keys write it."""
    return char.replace(VARIATION_SELECTOR, "")


def base_of(char: str) -> str:
    """The plain sequence that a skin-tone variant is a variant of."""
    return "".join(point for point in plain(char) if point not in SKIN_TONES)


def list_emoji(path: Path | None) -> list[Listed]:
    """All emoji of the file; without one, what Python's own character names tell."""
    return list(parse_emoji_test(path.read_text(encoding="utf-8"))) if path else list(_from_character_names())


def parse_emoji_test(text: str) -> Iterator[Listed]:
    """The fully qualified sequences of `emoji-test.txt`, in its order."""
    group = subgroup = ""
    for line in text.splitlines():
        if line.startswith("# group: "):
            group = line.removeprefix("# group: ").strip()
        elif line.startswith("# subgroup: "):
            subgroup = line.removeprefix("# subgroup: ").strip()
        elif (match := _LINE.match(line)) and match["status"] == "fully-qualified":
            char = "".join(chr(int(point, 16)) for point in match["points"].split())
            yield Listed(char, match["name"].strip(), group, subgroup, float(match["version"]))


def _from_character_names() -> Iterator[Listed]:
    for first, last in _FALLBACK_BLOCKS:
        for char in map(chr, range(first, last)):
            # Skin tones are modifier symbols (Sk); unassigned code points have no name.
            if unicodedata.category(char) == "So" and (name := unicodedata.name(char, "")):
                yield Listed(char, name.lower())
