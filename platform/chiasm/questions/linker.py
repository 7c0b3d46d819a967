"""Which entities a mention means: by names, then by vectors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from chiasm.catalog import Catalog
from chiasm.errors import UsageError
from chiasm.questions.lexicon import lexicon_of
from chiasm.questions.names import Candidate
from chiasm.questions.nearness import VectorNearness
from chiasm.search import Part, Query, Searcher
from chiasm.search.replica import Replica

__all__ = ["Linker"]

#: A name this good needs no vectors.
_SURE = 0.95
#: A cosine of 1 is worth this: never more than a name.
_BY_VECTOR = 0.8
_MAX_LETTERS = 1000


class Linker:
    """Links mentions to entities; safe to share between threads.

    Args:
        searcher: Holds the state of each workspace.
        catalog: Its catalog.
    """

    def __init__(self, searcher: Searcher, catalog: Catalog) -> None:
        self._searcher, self._catalog = searcher, catalog

    def link(
        self, workspace_id: int, mention: str, *, k: int = 5, into: str | None = None, vectors: bool = True
    ) -> dict[str, Any]:
        """The answer of `chiasm graph link --json`.

        Args:
            workspace_id: Tenant.
            mention: Words that name something.
            k: How many candidates.
            into: Domain of the candidates.
            vectors: Whether the text encoder is asked where no name fits well.

        Raises:
            UsageError: There is no word in it.
            NotFoundError: There is no such domain.
        """
        began = time.perf_counter()
        text = mention.strip()
        if not text or len(text) > _MAX_LETTERS:
            raise UsageError(
                "there is nothing to link" if not text else f"the mention has {len(text)} characters",
                where="mention",
                remedy=f"give a name of at most {_MAX_LETTERS} characters",
            )
        state = self._searcher.state(workspace_id)
        replica, names = state.replica, lexicon_of(state, self._catalog).names
        domain = None if into is None else replica.domain(into)
        found = names.exact(text)
        if len(found) < k:
            known = {one.row for one in found}
            found += [one for one in names.near(text) if one.row not in known]
        if vectors and (not found or found[0].score < _SURE) and VectorNearness.there(state):
            found = _merged(found, self._by_vector(workspace_id, replica, text, into, k))
        if domain is not None:
            found = [one for one in found if replica.domains[one.row] == domain]
        return {
            "release": state.release,
            "took_ms": round((time.perf_counter() - began) * 1000.0, 2),
            "mention": text,
            **ranked(replica, found, k),
        }

    def link_by(self, workspace_id: int, query: Query) -> dict[str, Any]:
        """The entities that a search finds, as candidates: what a picture may show."""
        answer = self._searcher.search(workspace_id, query)
        replica = self._searcher.state(workspace_id).replica
        found = []
        for hit in answer.hits:
            row = replica.find(hit.key)
            if row is not None:
                found.append(Candidate(row, hit.score, hit.title or hit.key, query.parts[0].kind))
        return {
            "release": answer.release,
            "took_ms": round(answer.took_ms, 2),
            "mention": None,
            **ranked(replica, found, query.k),
            "warnings": list(answer.warnings),
        }

    def _by_vector(
        self, workspace_id: int, replica: Replica, text: str, into: str | None, k: int
    ) -> list[Candidate]:
        query = Query(parts=(Part(kind="text", value=text),), into=into, k=k, stubs=True)
        found = []
        for hit in self._searcher.search(workspace_id, query).hits:
            row = replica.find(hit.key)
            # Something was written between the two: what is new stands in the next answer.
            if row is not None:
                near = max(hit.cosine.values(), default=hit.score)
                found.append(Candidate(row, _BY_VECTOR * max(near, 0.0), hit.title or hit.key, "vector"))
        return found


def ranked(replica: Replica, found: Sequence[Candidate], k: int) -> dict[str, Any]:
    """The best candidates; equal scores have equal ranks, what has more edges stands first among them."""
    degree = replica.graph.degrees()
    order = sorted(
        found, key=lambda one: (-round(one.score, 4), -int(degree[one.row]), replica.keys[one.row])
    )
    scores = [round(one.score, 4) for one in order]
    tied = sum(score == scores[k - 1] for score in scores[k:]) if len(scores) > k else 0
    shown = [
        _shown(replica, one, scores.index(scores[at]) + 1, int(degree[one.row]))
        for at, one in enumerate(order[:k])
    ]
    return {"candidates": shown, "tied_beyond": tied}


def _shown(replica: Replica, one: Candidate, rank: int, degree: int) -> dict[str, Any]:
    domain = int(replica.domains[one.row])
    return {
        "rank": rank,
        "key": replica.keys[one.row],
        "title": replica.titles[one.row],
        "domain": replica.domain_names[domain] if domain >= 0 else None,
        "score": round(one.score, 4),
        "by": one.by,
        "name": one.name,
        "edges": degree,
    }


def _merged(names: Sequence[Candidate], vectors: Sequence[Candidate]) -> list[Candidate]:
    """Each entity by what speaks for it most."""
    best: dict[int, Candidate] = {}
    for one in [*names, *vectors]:
        if one.row not in best or one.score > best[one.row].score:
            best[one.row] = one
    return list(best.values())
