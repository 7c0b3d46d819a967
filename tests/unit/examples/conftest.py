"""A small stand-in for what the system's packages hold, and media to show."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

# `python -m` puts the checkout's top on the path; a bare `pytest` does not.
sys.path.append(str(Path(__file__).resolve().parents[3]))

from examples.emoji.sources.packages import SystemFiles

EMOJI_TEST = """\
# group: Smileys & Emotion
# subgroup: face-smiling
1F600                                      ; fully-qualified     # 😀 E1.0 grinning face
# subgroup: heart
2764 FE0F                                  ; fully-qualified     # ❤️ E0.6 red heart
2764                                       ; unqualified         # ❤ E0.6 red heart
# group: People & Body
# subgroup: person-role
1F469                                      ; fully-qualified     # 👩 E0.6 woman
1F469 1F3FB                                ; fully-qualified     # 👩🏻 E1.0 woman: light skin tone
1F469 1F3FF                                ; fully-qualified     # 👩🏿 E1.0 woman: dark skin tone
1F469 200D 1F680                           ; fully-qualified     # 👩‍🚀 E4.0 woman astronaut
1F469 1F3FD 200D 1F680                     ; fully-qualified     # 👩🏽‍🚀 E4.0 woman astronaut: medium
# group: Travel & Places
# subgroup: transport-air
1F680                                      ; fully-qualified     # 🚀 E0.6 rocket
# group: Component
# subgroup: skin-tone
1F3FB                                      ; component           # 🏻 E1.0 light skin tone
"""

ANNOTATIONS = {
    ("en", "annotations"): {
        "😀": ("grinning face", "face | grin | grinning face"),
        "❤": ("red heart", "heart | love"),
        "👩": ("woman", "adult | woman"),
        "🚀": ("rocket", "space"),
    },
    ("en", "annotationsDerived"): {"👩‍🚀": ("woman astronaut", "rocket | space"), "😀": ("wrong", "wrong")},
    ("de", "annotations"): {"🚀": ("Rakete", "Weltraum | Rakete"), "👩": ("Frau", "↑↑↑")},
    ("zh", "annotations"): {"🚀": ("火箭", "太空")},
}


@pytest.fixture
def system_files(tmp_path: Path) -> SystemFiles:
    """Text sources only: neither a font nor a voice."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "emoji-test.txt").write_text(EMOJI_TEST, encoding="utf-8")
    paths: dict[str, list[Path]] = {}
    for (language, kind), entries in ANNOTATIONS.items():
        path = folder / f"{kind}-{language}.xml"
        rows = [
            f'<annotation cp="{char}"{kind}>{text}</annotation>'
            for char, (name, words) in entries.items()
            for kind, text in (("", words), (' type="tts"', name))
        ]
        path.write_text(f"<ldml><annotations>{''.join(rows)}</annotations></ldml>", encoding="utf-8")
        paths.setdefault(language, []).append(path)
    return SystemFiles(
        emoji_list=folder / "emoji-test.txt",
        annotations=tuple((language, tuple(found)) for language, found in paths.items()),
    )


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.new("RGBA", (128, 128), (250, 200, 40, 255)).save(path)
    return path


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound.flac"
    wave = 0.4 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    soundfile.write(path, wave.astype(np.float32), 16_000)
    return path
