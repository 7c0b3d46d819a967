"""Rules and predictions, as the graph of a knowledge base offers them."""

from __future__ import annotations

from pathlib import Path

from chiasm.client.protocol import Backend, JsonDict
from chiasm.errors import InputError

__all__ = ["Reasoned"]


class Reasoned:
    """The part of the graph that reasons."""

    _backend: Backend

    def rules(
        self,
        relation: str | None = None,
        *,
        rules: str | Path | None = None,
        length: int = 3,
        constants: bool = True,
        min_support: int = 3,
        min_confidence: float = 0.1,
        min_head_coverage: float = 0.0,
        limit: int = 100,
        max_seconds: float = 60.0,
        seed: int = 0,
    ) -> JsonDict:
        """Horn rules that hold in the graph: `{"rules": [...], "count", "out_of_time", "seconds", "revision"}`.

        Each has `rule` (as it can be written in a file of rules), `relation`, `length`, `support`, `predicted`,
        `confidence`, `pca_confidence`, `head_coverage` and `origin` (mined or user). Mined are those of what users
        stated; the result is kept until that changes.

        Args:
            relation: What they imply; None: any.
            rules: Own rules to be measured too: their text, or a `Path` to a file of them.
            length: Atoms in a body, 1 to 3.
            constants: Whether rules about single entities are mined too.
            min_support: Facts that a rule must explain.
            min_confidence: Share of what it says that must be stated.
            min_head_coverage: Share of the relation's facts that it must explain.
            limit: How many are given back, the best first.
            max_seconds: Mining ends then; `out_of_time` says so.
            seed: Decides on samples where there is too much to count.

        Raises:
            NotFoundError: There is no such relation; near ones are named.
            InputError: A rule cannot be read; line, column and remedy are named.
            UsageError: A value is out of range.
        """
        given = {name: value for name, value in locals().items() if name != "self"}
        from chiasm.reasoning import RulesRequest

        asked = RulesRequest(**{**given, "rules": _text(rules)})
        return self._backend.graph_rules(asked)

    def apply_rules(
        self,
        relation: str | None = None,
        *,
        rules: str | Path | None = None,
        length: int = 3,
        constants: bool = True,
        min_support: int = 3,
        min_confidence: float = 0.8,
        min_head_coverage: float = 0.0,
        max_triples: int = 100_000,
        max_seconds: float = 60.0,
        seed: int = 0,
        dry_run: bool = False,
    ) -> JsonDict:
        """Write what rules say as statements of origin `rule`; applied again, the set that was there is replaced.

        The answer has `rules` and `triples` (how many of which say something new), `added`, `removed`, `changed`,
        `unchanged`, `by_relation`, `examples` (each with its rule), `truncated`, `out_of_time` and `job`. Training
        leaves these statements out unless its recipe's `graph.origins` names `rule`; search, paths, questions and
        hierarchies unless the setting `graph_origins` does.

        Args:
            relation: Only statements of this relation are derived and replaced; None: of any.
            rules: Own rules that are applied besides the mined ones: their text, or a `Path` to a file of them.
            length: Atoms in a body, 1 to 3.
            constants: Whether rules about single entities are mined too.
            min_support: Facts that a mined rule must explain.
            min_confidence: What a rule's confidence must be.
            min_head_coverage: Share of the relation's facts that a mined rule must explain.
            max_triples: How many are written at most, the surest first.
            max_seconds: Mining ends then; `out_of_time` says so.
            seed: Decides on samples where there is too much to count.
            dry_run: Only tell what would be done.

        Raises:
            NotFoundError: There is no such relation; near ones are named.
            InputError: A rule cannot be read; line, column and remedy are named.
            UsageError: A value is out of range.
        """
        given = {name: value for name, value in locals().items() if name != "self"}
        from chiasm.reasoning import ApplyRequest

        asked = ApplyRequest(**{**given, "rules": _text(rules)})
        return self._backend.apply_rules(asked)

    def withdraw_rules(self, relation: str | None = None, *, dry_run: bool = False) -> JsonDict:
        """Take out all that rules derived, or that of one relation: `{"dry_run", "removed", "job"}`.

        Raises:
            NotFoundError: There is no such relation.
        """
        return self._backend.withdraw_rules(relation=relation, dry_run=dry_run)

    def predict(
        self,
        *,
        relation: str,
        head: str | None = None,
        tail: str | None = None,
        k: int = 10,
        rules: str | Path | None = None,
        aggregation: str = "maximum",
        known: bool = False,
        max_seconds: float = 60.0,
        seed: int = 0,
    ) -> JsonDict:
        """What may stand at the other end of a relation, and why: facts, rules and cases, which nobody trained.

        The answer has `known` (what is stated) and `predictions`, each with `rank`, `key`, `title`, `score` (0..1),
        `facts` (`[head, relation, tail]`), `rules` (each with the facts that it rests on) and `cases` (entities that
        resemble the one asked about, and of which the same holds). `trained` is what the active release says by its own
        scorer: `{"release", "candidates": [{"rank", "key", "title", "score"}]}` with cosines, or None where none is
        trained, the relation is newer than it, or the entity has no fused vector.

        Args:
            relation: Name of the predicate.
            head: Key of its subject: objects are predicted.
            tail: Key of its object: subjects are predicted. One of the two is given.
            k: How many.
            rules: Own rules that count besides the mined ones: their text, or a `Path` to a file of them.
            aggregation: `maximum`: the best rule counts, the next one where that is equal; `noisy_or`: all add up.
            known: Whether what is stated already is among the predictions.
            max_seconds: Mining ends then; `out_of_time` says so.
            seed: Decides on samples where there is too much to count.

        Raises:
            NotFoundError: There is no such entity or relation; near ones are named.
            InputError: A rule cannot be read; line, column and remedy are named.
            UsageError: Both ends are given or none, or a value is out of range.
        """
        from chiasm.reasoning import PredictRequest

        asked = PredictRequest(
            relation=relation,
            head=head,
            tail=tail,
            rules=_text(rules),
            k=k,
            aggregation=aggregation,
            known=known,
            max_seconds=max_seconds,
            seed=seed,
        )
        return self._backend.graph_predict(asked)


def _text(rules: str | Path | None) -> str | None:
    if not isinstance(rules, Path):
        return rules
    try:
        return rules.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "the file of rules cannot be read",
            where=str(rules),
            remedy="give a text file in UTF-8 with one rule a line, as in  capital_of(X, Y) => located_in(X, Y)",
        ) from error
