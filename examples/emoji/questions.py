"""The example queries: three languages, a picture, a spoken word, an emoji, and one that says "but not"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.emoji.catalogue import SPOKEN_QUERIES, VARIANT_QUERIES
from examples.emoji.judging import read_queries
from examples.emoji.report.data import Example, HitView, QueryPart

__all__ = ["Question", "ask", "make_questions"]

#: Key -> line of the manifest.
Records = Mapping[str, Mapping[str, Any]]

#: Title, text, language, remark.
_WORDS = (
    ("In English", "a hot drink in the morning", "en", "No emoji has these words for a name."),
    ("In German", "Feuerwehrauto", "de", "A fire engine."),
    ("In Chinese", "生日快乐", "zh", "Happy birthday."),
)
#: Title of a picture to ask with -> word that its answers are not to be about.
_UNWANTED = {"red heart": "love", "spouting whale": "sea", "dog": "face"}


@dataclass(frozen=True)
class Question:
    """A query and how to speak of it."""

    title: str
    note: str
    parts: tuple[QueryPart, ...]
    expect: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The same query for the shell."""
        words = ["chiasm search"]
        for part in self.parts:
            option = f"--not-{part.kind}" if part.negative else f"--{part.kind}"
            words.append(f'{option} "{part.value}"' if part.kind == "text" else f"{option} {part.value}")
        return " ".join([*words, "--into emoji"])

    def arguments(self) -> dict[str, list[Any]]:
        """The same query for `KnowledgeBase.search`."""
        given: dict[str, list[Any]] = {}
        for part in self.parts:
            given.setdefault(f"not_{part.kind}" if part.negative else part.kind, []).append(part.value)
        return given


def make_questions(catalogue: Path, records: Records) -> list[Question]:
    """The questions that can be asked of what the catalogue holds.

    Args:
        catalogue: Its folder.
        records: Key -> line of the manifest.
    """
    questions = [
        Question(title, note, (QueryPart("text", text, lang=language),))
        for title, text, language, note in _WORDS
    ]
    questions += _variant(catalogue, records)
    questions += _spoken(catalogue, records)
    questions += _entity(records)
    questions += _but_not(catalogue, records)
    return questions


def ask(kb: Any, question: Question) -> Example:
    """The question with its ten nearest answers."""
    hits = kb.search(**question.arguments(), into="emoji", k=10)
    views = tuple(_view(hit, question.expect) for hit in hits)
    note = " ".join([question.note, *hits.warnings])
    return Example(question.title, note, question.command, question.parts, views)


def _view(hit: Any, expect: tuple[str, ...]) -> HitView:
    return HitView(hit.rank, hit.key, hit.title or hit.key, hit.score, tuple(hit.present), hit.key in expect)


def _variant(catalogue: Path, records: Records) -> list[Question]:
    queries = read_queries(catalogue / VARIANT_QUERIES)
    query = _preferred(queries, records, ("health worker", "guard", "mermaid", "ear"))
    if query is None:
        return []
    part = QueryPart("image", str(catalogue / query["image"]), f"{_title(query, records)}, another skin tone")
    note = "A skin-tone variant; only the yellow emoji is in the catalogue."
    return [Question("A picture never seen", note, (part,), tuple(query["expect"]))]


def _spoken(catalogue: Path, records: Records) -> list[Question]:
    queries = read_queries(catalogue / SPOKEN_QUERIES)
    query = _preferred(queries, records, ("giraffe", "rocket", "banana", "piano"))
    if query is None:
        return []
    part = QueryPart("audio", str(catalogue / query["audio"]), f"“{_title(query, records)}”, spoken")
    note = f"“{_title(query, records)}”, in a voice that no recording of the catalogue has."
    return [Question("A word spoken by a new voice", note, (part,), tuple(query["expect"]))]


def _entity(records: Records) -> list[Question]:
    key = _first(records, ("octopus", "guitar", "dog"))
    part = QueryPart("entity", key, records[key]["title"])
    return [Question("An emoji", "What is near it by all that is known of it.", (part,))]


def _but_not(catalogue: Path, records: Records) -> list[Question]:
    drawn = {key: record for key, record in records.items() if record.get("image")}
    if not drawn:
        return []
    key = _first(drawn, tuple(_UNWANTED))
    title = drawn[key]["title"]
    word = _UNWANTED.get(title, "face")
    parts = (
        QueryPart("image", str(catalogue / drawn[key]["image"][0]), title),
        QueryPart("text", word, negative=True),
    )
    note = f"The picture of “{title}”, taken away from the word “{word}”."
    return [Question("This picture, but not that word", note, parts)]


def _first(records: Records, titles: tuple[str, ...]) -> str:
    """Key of the first title that is there; else of the first record."""
    by_title = {record["title"]: key for key, record in records.items()}
    return next((by_title[title] for title in titles if title in by_title), next(iter(records)))


def _preferred(
    queries: list[dict[str, Any]], records: Records, titles: tuple[str, ...]
) -> dict[str, Any] | None:
    """The query whose answer has the title wanted most; else the first one."""
    by_title = {_title(query, records): query for query in reversed(queries)}
    wanted = (by_title[title] for title in titles if title in by_title)
    return next(wanted, queries[0] if queries else None)


def _title(query: Mapping[str, Any], records: Records) -> str:
    return str(records[query["expect"][0]]["title"])
