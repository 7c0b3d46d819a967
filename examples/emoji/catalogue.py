"""Makes the catalogue: a manifest in the public format, pictures, recordings, and queries for judging."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from examples.emoji.sources import pictures, speech
from examples.emoji.sources.cldr import Annotation, read_annotations
from examples.emoji.sources.emoji_list import Listed, base_of, list_emoji, plain
from examples.emoji.sources.packages import SystemFiles, missing_packages

__all__ = ["MANIFEST", "SPOKEN_QUERIES", "VARIANT_QUERIES", "Summary", "build_catalogue", "load_summary"]

MANIFEST = "emoji.jsonl"
SPOKEN_QUERIES = "queries-spoken.jsonl"
VARIANT_QUERIES = "queries-variant.jsonl"

_SUMMARY = "summary.json"
_FOLDERS = ("img", "snd", "judging")
#: Counted up when the same packages would give another catalogue.
_FORMAT = 1
_JUDGED = 300

#: Called with the stage, the items done and the items in all.
Report = Callable[[str, int, int], None]
Annotations = Mapping[str, Mapping[str, Annotation]]


@dataclass(frozen=True)
class Summary:
    """What a catalogue holds; written last, so that its presence says the catalogue is complete."""

    entities: int = 0
    pictures: int = 0
    recordings: int = 0
    edges: int = 0
    spoken_queries: int = 0
    variant_queries: int = 0
    #: Entities with a name in a language.
    languages: dict[str, int] = field(default_factory=dict)
    #: Package that is not installed -> what is lost.
    missing: dict[str, str] = field(default_factory=dict)
    #: What it was made from: contents of the packages, limit, format.
    stamp: str = ""

    def describe(self) -> str:
        """The counts in one line."""
        return (
            f"{self.entities:,} emoji, {self.pictures:,} pictures, {self.recordings:,} recordings, "
            f"{self.edges:,} edges"
        )


def load_summary(folder: Path, files: SystemFiles, limit: int | None = None) -> Summary | None:
    """The summary of a finished catalogue that the same packages would give again; None to build it."""
    path = folder / _SUMMARY
    if not path.is_file():
        return None
    summary = Summary(**json.loads(path.read_text(encoding="utf-8")))
    return summary if summary.stamp == _stamp(files, limit) else None


def build_catalogue(
    folder: Path, files: SystemFiles, *, limit: int | None = None, report: Report = lambda *_: None
) -> Summary:
    """Builds the catalogue anew; what an earlier one left in the folder is removed.

    Args:
        folder: Where to write.
        files: What this machine's packages hold.
        limit: How many entities at most, spread over all groups.
        report: Called as the work goes on.
    """
    # The summary goes first: a build that is broken off must not look finished.
    for name in (_SUMMARY, MANIFEST, SPOKEN_QUERIES, VARIANT_QUERIES):
        (folder / name).unlink(missing_ok=True)
    for name in _FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
    workers = len(os.sched_getaffinity(0))

    listed = list_emoji(files.emoji_list)
    chosen = _spread([one for one in listed if not one.has_skin_tone], limit)
    annotations = {language: read_annotations(paths) for language, paths in files.annotations}
    names = {one.key: _name(one, annotations) for one in chosen}
    variants = _variants(listed, {plain(one.char): one.key for one in chosen})

    drawn = _draw_all(folder, files, chosen, variants, workers, report)
    spoken = _record_all(folder, files, names, workers, report)

    records = [_record(one, names[one.key], annotations, drawn, spoken, set(names)) for one in chosen]
    spoken_queries = [
        {"audio": path, "expect": [key]}
        for key, paths in spoken.items()
        for path in paths
        if _is_judging(path)
    ]
    variant_queries = [
        {"image": drawn[char], "expect": [key]} for char, key in variants.items() if char in drawn
    ]
    _write_lines(folder / MANIFEST, records)
    _write_lines(folder / SPOKEN_QUERIES, spoken_queries)
    _write_lines(folder / VARIANT_QUERIES, variant_queries)
    summary = Summary(
        entities=len(records),
        pictures=sum(len(one.get("image", ())) for one in records),
        recordings=sum(len(one.get("audio", ())) for one in records),
        edges=sum(len(one["relations"]) for one in records),
        spoken_queries=len(spoken_queries),
        variant_queries=len(variant_queries),
        languages=_count_languages(records),
        missing=missing_packages(files),
        stamp=_stamp(files, limit),
    )
    (folder / _SUMMARY).write_text(json.dumps(asdict(summary), indent=2, sort_keys=True), encoding="utf-8")
    return summary


def _stamp(files: SystemFiles, limit: int | None) -> str:
    return hashlib.sha256(f"{_FORMAT} {limit} {files.digest()}".encode()).hexdigest()


def _rank(text: str) -> str:
    """A fixed shuffle: the same text always sorts to the same place."""
    return hashlib.sha256(text.encode()).hexdigest()


def _spread(listed: Sequence[Listed], limit: int | None) -> list[Listed]:
    """Every n-th, so that a small catalogue has something of all groups."""
    if limit is None or limit >= len(listed):
        return list(listed)
    return [listed[index * len(listed) // limit] for index in range(limit)]


def _name(one: Listed, annotations: Annotations) -> str:
    english = annotations.get("en", {}).get(plain(one.char))
    return (english.name if english else "") or one.name


def _keywords(annotation: Annotation, name: str) -> list[str]:
    """The keywords but for the name itself, which CLDR repeats among them."""
    return [word for word in annotation.keywords if word.casefold() != name.casefold()]


def _variants(listed: Iterable[Listed], keys: Mapping[str, str]) -> dict[str, str]:
    """Skin-tone variant -> key of its base: one variant for each of the bases drawn for judging."""
    by_base: dict[str, list[str]] = {}
    for one in listed:
        if one.has_skin_tone and base_of(one.char) in keys:
            by_base.setdefault(base_of(one.char), []).append(one.char)
    bases = sorted(by_base, key=_rank)[:_JUDGED]
    return {min(by_base[base], key=_rank): keys[base] for base in bases}


def _file_name(key: str) -> str:
    return key.removeprefix("emoji:").lower()


def _is_judging(path: str) -> bool:
    return path.startswith("judging/")


def _draw_all(
    folder: Path,
    files: SystemFiles,
    chosen: Sequence[Listed],
    variants: Mapping[str, str],
    workers: int,
    report: Report,
) -> dict[str, str]:
    """Emoji -> path of its picture in the catalogue, for those that the font can draw."""
    if files.font is None:
        return {}
    wanted = {one.char: f"img/{_file_name(one.key)}.png" for one in chosen}
    wanted |= {char: f"judging/{_file_name(Listed(char, '').key)}.png" for char in variants}
    drawn = {}
    rendering = pictures.render(files.font, {char: folder / path for char, path in wanted.items()}, workers)
    for done, (char, written) in enumerate(rendering, start=1):
        if written:
            drawn[char] = wanted[char]
        report("pictures", done, len(wanted))
    return drawn


def _record_all(
    folder: Path, files: SystemFiles, names: Mapping[str, str], workers: int, report: Report
) -> dict[str, list[str]]:
    """Key -> paths of its recordings in the catalogue, those for judging among them."""
    if files.espeak is None:
        return {}
    judged = set(sorted(names, key=_rank)[: min(_JUDGED, max(1, len(names) // 4))])
    wanted: list[tuple[str, str, speech.Utterance]] = []
    for key, name in names.items():
        paths = [
            (f"snd/{_file_name(key)}-{number}.flac", voice) for number, voice in enumerate(speech.VOICES, 1)
        ]
        if key in judged:
            paths.append((f"judging/{_file_name(key)}.flac", speech.JUDGING_VOICE))
        wanted += [(key, path, speech.Utterance(name, voice, folder / path)) for path, voice in paths]
    spoken: dict[str, list[str]] = {}
    recordings = speech.record(files.espeak, [utterance for _, _, utterance in wanted], workers)
    for done, ((key, path, _), (_, heard)) in enumerate(zip(wanted, recordings, strict=True), start=1):
        if heard:
            spoken.setdefault(key, []).append(path)
        report("spoken names", done, len(wanted))
    return spoken


def _record(
    one: Listed,
    name: str,
    annotations: Annotations,
    drawn: Mapping[str, str],
    spoken: Mapping[str, Sequence[str]],
    keys: set[str],
) -> dict[str, Any]:
    """One line of the manifest."""
    found = {
        language: table[plain(one.char)]
        for language, table in annotations.items()
        if plain(one.char) in table
    }
    texts = [{"value": name, "lang": "en"}]
    for language, annotation in found.items():
        if language != "en" and annotation.name:
            texts.append({"value": annotation.name, "lang": language})
        if keywords := _keywords(annotation, name if language == "en" else annotation.name):
            texts.append({"value": ", ".join(keywords), "lang": language})
    relations = [("in_group", f"group:{one.group}")] if one.group else []
    relations += [("in_subgroup", f"subgroup:{one.subgroup}")] if one.subgroup else []
    if english := found.get("en"):
        relations += [("has_keyword", f"kw:{word}") for word in _keywords(english, name)]
    components = dict.fromkeys(Listed(part, "").key for part in one.parts) if len(one.parts) > 1 else {}
    relations += [("composed_of", component) for component in components if component in keys]
    attributes: dict[str, Any] = {"char": one.char, "codepoints": len(one.char)}
    if one.group:
        attributes |= {"group": one.group, "subgroup": one.subgroup, "version": one.version}
    record: dict[str, Any] = {"key": one.key, "domain": "emoji", "title": name, "text": texts}
    if one.char in drawn:
        record["image"] = [drawn[one.char]]
    if sounds := [path for path in spoken.get(one.key, ()) if not _is_judging(path)]:
        record["audio"] = [{"path": path, "role": "spoken name", "lang": "en"} for path in sounds]
    record["attributes"] = attributes
    record["relations"] = [{"predicate": predicate, "object": target} for predicate, target in relations]
    return record


def _count_languages(records: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for record in records:
        for language in sorted({text["lang"] for text in record["text"]}):
            counts[language] = counts.get(language, 0) + 1
    return counts


def _write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8")
