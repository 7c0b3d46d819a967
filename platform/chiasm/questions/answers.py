"""What stands at the end of a reading, and the statements that lead there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Triple
from chiasm.questions.options import Option, Value, edges_of
from chiasm.questions.question import Question
from chiasm.questions.readings import Reading
from chiasm.questions.wording import alike, words
from chiasm.search.replica import Replica

__all__ = ["Answer", "answers_of", "shown"]

#: Edges of one reading that are followed.
_MOST = 5000
_CHUNK = 500
#: Answers are compared with what the question calls them, if there are no more.
_TYPED = 500
#: What an answer is worth that is not of the sort that was asked for, where others are.
_OF_OTHER_SORT = 0.9
#: What one is worth that a predicate for both ways leads to backwards.
_BACKWARDS = 0.99


class _Edge(NamedTuple):
    """Row of a statement in the graph of the replica, and whether it was followed from its subject."""

    triple: int
    forward: bool


@dataclass(frozen=True)
class Answer:
    """An entity, or a value, with the statements that say so."""

    row: int | None
    value: Any
    score: float
    support: tuple[dict[str, Any], ...]
    #: Position among the readings.
    reading: int

    @property
    def name(self) -> Any:
        """Equal for equal answers."""
        return ("row", self.row) if self.row is not None else ("value", orjson.dumps(self.value))


def answers_of(
    session: Session, replica: Replica, question: Question, readings: Sequence[Reading]
) -> list[Answer]:
    """The answers of all readings, the best first; each once, by its best reading."""
    found: dict[Any, Answer] = {}
    for number, reading in enumerate(readings):
        for answer in _of_reading(session, replica, question, number, reading):
            known = found.get(answer.name)
            if known is None or answer.score > known.score:
                found[answer.name] = answer
    # Of equal ones those that have a name come first.
    return sorted(
        found.values(),
        key=lambda one: (-one.score, one.reading, _nameless(replica, one), _label(replica, one)),
    )


def _of_reading(
    session: Session, replica: Replica, question: Question, number: int, reading: Reading
) -> Iterator[Answer]:
    ends = _followed(replica, reading)
    facts = _facts(
        session, replica, {one.triple for end in ends for one in end.trail if isinstance(one, _Edge)}
    )
    fitting = _of_sort(replica, question, reading, [end.row for end in ends if end.row is not None])
    for end in ends:
        support, confidence = [], 1.0
        for step, one in zip(reading.steps, end.trail, strict=True):
            if step.forward is None and isinstance(one, _Edge) and not one.forward:
                confidence *= _BACKWARDS
        for one in end.trail:
            fact = facts.get(one.triple) if isinstance(one, _Edge) else _stated(replica, one)
            if fact is not None:
                support.append(fact)
                confidence *= fact["confidence"]
        worth = _OF_OTHER_SORT if fitting and end.row not in fitting else 1.0
        yield Answer(end.row, end.value, reading.score * confidence * worth, tuple(support), number)


@dataclass(frozen=True)
class _End:
    row: int | None
    value: Any
    trail: tuple[_Edge | Value, ...]


def _followed(replica: Replica, reading: Reading) -> list[_End]:
    ends = [_End(reading.mention.candidate.row, None, ())]
    for step in reading.steps:
        ends = list(islice(_onward(replica, ends, step), _MOST))
    return ends


def _onward(replica: Replica, ends: Iterable[_End], step: Option) -> Iterator[_End]:
    trails = {end.row: end.trail for end in ends if end.row is not None}
    if not step.relations:
        for value in step.values:
            if value.row in trails:
                yield _End(None, value.value, (*trails[value.row], value))
        return
    for start, there, triple in zip(*edges_of(replica, list(trails), step.relations), strict=True):
        if replica.live[there]:
            edge = _Edge(int(triple), int(replica.graph.heads[triple]) == int(start))
            yield _End(int(there), None, (*trails[int(start)], edge))


def _facts(session: Session, replica: Replica, triples: set[int]) -> dict[int, dict[str, Any]]:
    """Statements by their row in the graph; those that are gone from SQL meanwhile are left out."""
    by_id = {int(replica.triple_ids[row]): row for row in triples}
    ids, found = sorted(by_id), dict[int, dict[str, Any]]()
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        statement = select(Triple.id, Triple.origin, Triple.confidence).where(Triple.id.in_(chunk))
        for triple_id, origin, confidence in session.execute(statement):
            row = by_id[triple_id]
            found[row] = {
                "subject": replica.keys[int(replica.graph.heads[row])],
                "predicate": replica.predicates[int(replica.graph.relations[row])],
                "object": replica.keys[int(replica.graph.tails[row])],
                "origin": origin,
                "confidence": confidence,
            }
    return found


def _stated(replica: Replica, value: Value) -> dict[str, Any]:
    return {
        "subject": replica.keys[value.row],
        "predicate": value.name,
        "value": value.value,
        "origin": value.origin,
        "confidence": value.confidence,
    }


def _of_sort(replica: Replica, question: Question, reading: Reading, rows: Sequence[int]) -> set[int]:
    """Answers that are what the question calls them: `which painters ...` of what is linked to a painter.

    Empty where it does not say, or nothing there is known to be of that sort.
    """
    taken = {*reading.used, *range(reading.mention.start, reading.mention.end)}
    rest = [question.tokens[at].text for at in sorted(question.content - taken)]
    distinct = set(rows)
    if not rest or len(distinct) > _TYPED:
        return set()
    edges = replica.graph.adjacency
    found = set()
    for row in distinct:
        span = slice(edges.indptr[row], edges.indptr[row + 1])
        outward = edges.neighbour[span][edges.relation[span] < replica.graph.num_relations][:100]
        said = [replica.titles[there] or replica.keys[there] for there in set(outward.tolist())]
        domain = int(replica.domains[row])
        said += [replica.domain_names[domain]] if domain >= 0 else []
        if any(alike(word, other) >= 0.9 for text in said for other in words(text) for word in rest):
            found.add(row)
    return found


def _nameless(replica: Replica, answer: Answer) -> bool:
    return answer.row is not None and replica.titles[answer.row] is None


def _label(replica: Replica, answer: Answer) -> str:
    return str(answer.value) if answer.row is None else replica.titles[answer.row] or replica.keys[answer.row]


def shown(replica: Replica, answer: Answer, rank: int) -> Mapping[str, Any]:
    """The answer as `chiasm ask --json` prints it."""
    if answer.row is None:
        what: dict[str, Any] = {"value": answer.value}
    else:
        domain = int(replica.domains[answer.row])
        what = {
            "key": replica.keys[answer.row],
            "title": replica.titles[answer.row],
            "domain": replica.domain_names[domain] if domain >= 0 else None,
        }
    return {
        "rank": rank,
        **what,
        "score": round(answer.score, 4),
        "reading": answer.reading,
        "support": list(answer.support),
    }
