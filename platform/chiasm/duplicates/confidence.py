"""How sure it is that two entities are one thing.

Within a modality the strongest signal counts: an equal hash, an equal vector and an equal file are not three
witnesses but one, who saw the same content. Modalities are taken as independent witnesses and combined by
noisy-or (Pearl, Probabilistic Reasoning in Intelligent Systems, 1988, section 4.3.2):

```
confidence = 1 - prod over modalities m of (1 - strongest signal of m)
```

That two entities share a content says the less the more others have it too (agreement on a frequent value weighs less:
Fellegi & Sunter, A Theory for Record Linkage, 1969; Winkler, Frequency-Based Matching, 2000):

```
shared(n) = most / (1 + (n - 2) / room)          n entities hold it, n >= 2
```

`most` is what the content is worth if only these two have it, `room` how many more may have it until half of that is
left. A file that two share is rarely shared by chance, and some copies of it do no harm: .97 and 20. Of a text both
depend on its length L in letters and digits: `most = .97 (1 - exp(-L / 12))`, `room = 1 + L / 10`. So "dog", which
two entities share, is worth .21, and .05 if eight do; a sentence of sixty letters .96. The constants were set by hand
and looked at on catalogues of pictures and sounds; they are not fitted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

__all__ = ["MOST", "MOST_BY_VECTOR", "combined", "letters", "shared", "text_weight"]

#: No signal alone is certain.
MOST = 0.97
#: Vectors find what to look at. They say "of a kind" as often as "the same", so alone they reach no more than this.
MOST_BY_VECTOR = 0.5
_ROOM_OF_MEDIA = 20.0
_LETTERS = 12.0
_ROOM_PER_LETTER = 0.1


def combined(confidences: Iterable[float]) -> float:
    """Confidence of independent witnesses together."""
    return 1.0 - math.prod(1.0 - one for one in confidences)


def shared(holders: int, length: int | None = None) -> float:
    """What it is worth that two entities share a content.

    Args:
        holders: How many entities have it, at least 2.
        length: Of a text, in letters and digits; None for a picture or a sound.
    """
    most = MOST if length is None else MOST * text_weight(length)
    room = _ROOM_OF_MEDIA if length is None else 1.0 + _ROOM_PER_LETTER * length
    return most / (1.0 + (holders - 2) / room)


def text_weight(length: int) -> float:
    """How unlikely it is that two things have a text of that many letters by chance (0 to 1)."""
    return 1.0 - math.exp(-length / _LETTERS)


def letters(text: str) -> int:
    """Letters and digits of a text; a letter of a script that writes words with one or two of them counts four."""
    # Han and kana lie here: one of them says about as much as a syllable or two.
    return sum(4 if "\u3040" <= sign <= "\u9fff" else 1 for sign in text if sign.isalnum())
