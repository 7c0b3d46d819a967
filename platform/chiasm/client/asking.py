"""Searching and recommending, as the knowledge base offers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chiasm.client.answers import Answers
from chiasm.client.hits import Hits
from chiasm.client.protocol import Backend
from chiasm.client.requests import batch_requests, recommend_request, search_request

__all__ = ["Asking"]

_Where = str | Mapping[str, Any] | None
_Path = str | Sequence[str | Sequence[str]] | None


class Asking:
    """The part of the knowledge base that answers."""

    _backend: Backend

    def search(
        self,
        text: Any = None,
        *,
        image: Any = None,
        audio: Any = None,
        entity: Any = None,
        vector: Any = None,
        not_text: Any = None,
        not_image: Any = None,
        not_audio: Any = None,
        not_entity: Any = None,
        weights: Mapping[str, float] | None = None,
        match: str | None = None,
        fuse: str = "rrf",
        into: str | None = None,
        domain_from: str | None = None,
        modality: str | None = None,
        where: _Where = None,
        near: str | None = None,
        hops: int = 1,
        path: _Path = None,
        diversity: float = 0.0,
        group_by: str | None = None,
        group_size: int = 1,
        k: int = 10,
        cursor: str | None = None,
        explain: bool = False,
        stubs: bool = False,
    ) -> Hits:
        """Entities that fit the query's parts best; every part takes one value or a list.

        Args:
            text: Words or sentences.
            image: Path, bytes of a file, PIL image, or uint8 array (height, width, 3).
            audio: Path, bytes of a file, or Waveform.
            entity: Key of an entity to start from (or an `Entity`).
            vector: Query vector (dim,) in the fused space.
            not_text: What the hits must not be like; likewise `not_image`, `not_audio`, `not_entity`.
            weights: Weight of a kind of part, as in `{"image": 0.5}`, or of `match`.
            match: Words, and phrases in double quotes, that titles and texts have any of (full text), alone or
                besides the parts.
            fuse: How `match` and the parts become one list: `rrf` by their ranks, `weights` by their scores.
            into: Domain of the hits.
            domain_from: Domain the query's entities are taken from.
            modality: Hits must have this modality.
            where: Filter, as in `year >= 1900 and "pet" in tags`, or its tree as JSON.
            near: Key of an entity; hits lie within `hops` edges of it, or at the end of `path`.
            hops: Reach of `near`.
            path: Predicates that lead from `near` to hits, as in `made_of/^made_of` or `part_of|made_of`
                (`^`: from object to subject; `^part_of+`: all below); or a list of steps, each a predicate or a
                list of them.
            diversity: 0 to 1: how much it counts that hits are unlike those before them.
            group_by: `domain`, or the name of an attribute: hits of one value stand together, and `k` counts
                groups.
            group_size: Hits of a group at most.
            k: How many hits.
            cursor: `next_cursor` of an answer to the same search: goes on after its last hit.
            explain: Whether each hit says why.
            stubs: Whether entities that are only named by others may be hits.

        Raises:
            UsageError: An argument is out of range, or the cursor is of another search or release.
            NotFoundError: There is no such entity, domain or predicate.
        """
        # The arguments by name, before there is anything else here.
        given = {name: value for name, value in locals().items() if name != "self"}
        return self._backend.search(search_request(**given))

    def search_batch(self, queries: Sequence[str | Mapping[str, Any]]) -> list[Hits]:
        """The hits of each of several searches, all from the same state of the catalogue.

        What they give is encoded together, and filters that several have are evaluated once.

        Args:
            queries: Each a text, or the arguments of `search` by name, as in `{"text": "bell", "k": 5}`.

        Raises:
            UsageError: One is wrong (the error says which), or there are more than 256.
        """
        requests = batch_requests(queries)
        return self._backend.search_batch(requests) if requests else []

    def recommend(
        self,
        liked: Any,
        disliked: Any = None,
        *,
        strategy: str = "average",
        match: str | None = None,
        fuse: str = "rrf",
        into: str | None = None,
        modality: str | None = None,
        where: _Where = None,
        near: str | None = None,
        hops: int = 1,
        path: _Path = None,
        diversity: float = 0.0,
        group_by: str | None = None,
        group_size: int = 1,
        k: int = 10,
        cursor: str | None = None,
        explain: bool = False,
        stubs: bool = False,
    ) -> Hits:
        """Entities for somebody who likes some entities and dislikes others; none of these is a hit.

        Args:
            liked: Key of an entity (or an `Entity`), or a list of them.
            disliked: Likewise.
            strategy: `average`: near to the centre of what is liked, away from that of what is disliked.
                `best`: near to anything liked, and not nearer to anything disliked; tastes of several kinds
                stay apart.
            match: As in `search`, like the other arguments.
            fuse: Likewise.
            into: Likewise.
            modality: Likewise.
            where: Likewise.
            near: Likewise.
            hops: Likewise.
            path: Likewise.
            diversity: Likewise.
            group_by: Likewise.
            group_size: Likewise.
            k: Likewise.
            cursor: Likewise.
            explain: Likewise.
            stubs: Likewise.

        Raises:
            UsageError: Nothing is liked, or an argument is out of range.
            NotFoundError: There is no such entity.
        """
        given = {name: value for name, value in locals().items() if name != "self"}
        return self._backend.search(recommend_request(**given))

    def ask(self, question: str, *, k: int = 10) -> Answers:
        """What the graph answers to a question in words, as in "which countries border France?".

        The question names an entity, and one predicate or two; each answer has the statements that say so. Where
        nothing fits, `message` tells what was understood.

        Args:
            question: In words; word order is taken for English.
            k: How many answers.

        Raises:
            UsageError: The question has no words, or is too long.
        """
        return Answers(self._backend.ask(question, k=k))
