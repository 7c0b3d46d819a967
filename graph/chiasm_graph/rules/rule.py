"""What a rule is: a path that closes, or a property that comes with another one."""

from __future__ import annotations

from dataclasses import dataclass

from chiasm_graph.errors import GraphError

__all__ = ["MAX_LENGTH", "PESSIMISM", "RatedRule", "Rule"]

#: Atoms in a body.
MAX_LENGTH = 3
#: Groundings nobody has seen and that count as wrong: a rule that was right 3 times of 3 is no certainty (AnyBURL's P_c).
PESSIMISM = 5


@dataclass(frozen=True)
class Rule:
    """A Horn rule over half-relations: ``r`` read forwards, ``r + num_relations`` read backwards.

    Without a constant it is a closed path, ``head(x, y) <- body[0](x, z1), body[1](z1, z2), body[2](z2, y)``, and
    ``head`` is a relation read forwards. With a constant it is ``head(x, constant) <- body[0](x, end)``, where ``end``
    is None for "anything", and ``head`` may be read backwards. Different variables of a path are different nodes, as in
    AnyBURL (Meilicke 2019), so that no rule says a thing by itself.

    Raises:
        GraphError: The body is empty or too long, or has more than one atom beside a constant.
    """

    head: int
    body: tuple[int, ...]
    constant: int | None = None
    end: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.body) <= MAX_LENGTH:
            raise GraphError(
                f"a body of {len(self.body)} atoms", where="Rule", remedy=f"use 1 to {MAX_LENGTH}"
            )
        if self.constant is None and self.end is not None:
            raise GraphError("a path rule has no constants", where="Rule", remedy="give `constant` too")
        if self.constant is not None and len(self.body) > 1:
            raise GraphError(
                "a rule with a constant has one atom in its body", where="Rule", remedy="shorten the body"
            )


@dataclass(frozen=True)
class RatedRule:
    """A rule and how well it fits the data; counts are estimates where starts of the body were sampled."""

    rule: Rule
    #: Pairs that the body leads to and that are stated.
    support: float
    #: Pairs that the body leads to.
    predicted: float
    #: Share of the predicted pairs that are stated.
    confidence: float
    #: The same among pairs whose known end has some fact of that relation at all (AMIE's partial completeness).
    pca_confidence: float
    #: Share of the relation's facts that the body leads to.
    head_coverage: float
    #: mined, or user.
    origin: str = "mined"

    @property
    def weight(self) -> float:
        """Confidence to rank by: with some unseen failures for a mined rule, as it is for a user's."""
        if self.origin != "mined":
            return self.confidence
        return self.support / (self.predicted + PESSIMISM)
