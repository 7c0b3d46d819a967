"""What every scorer must do, as tests to inherit."""

from __future__ import annotations

import torch
from torch import Tensor

from chiasm_graph.scorers.scorer import Scorer

__all__ = ["ScorerContract"]

RELATIONS, DIM = 6, 8


class ScorerContract:
    """Subclass it as `TestMyScorer` and name the class; each test builds one with random parameters."""

    #: The class under test; a plugin's own test suite names its own.
    implementation: type[Scorer] | None = None

    def scorer(self, seed: int = 0) -> Scorer:
        """A scorer of 6 relations over 8 coordinates."""
        assert self.implementation is not None
        built = self.implementation(RELATIONS, DIM)
        built.reset(0.7, torch.Generator().manual_seed(seed))
        return built.double()

    def triples(self, count: int = 7) -> tuple[Tensor, Tensor, Tensor]:
        """Heads ``(count, dim)``, relations ``(count,)``, tails ``(count, dim)``."""
        generator = torch.Generator().manual_seed(1)
        heads, tails = torch.randn(2, count, DIM, generator=generator, dtype=torch.float64)
        return heads, torch.randint(RELATIONS, (count,), generator=generator), tails

    def test_starts_by_the_seed_alone(self) -> None:
        """Equal seeds give equal parameters, others other scores."""
        one, same, other = self.scorer(), self.scorer(), self.scorer(1)
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
        assert not torch.equal(one(*self.triples()), other(*self.triples()))

    def test_starts_entities_by_the_generator(self) -> None:
        """Vectors have the width and the scale that were asked for."""
        scorer = self.scorer()
        vectors = scorer.start(500, 0.01, torch.Generator().manual_seed(3))
        assert vectors.shape == (500, scorer.dim)
        assert 0.002 < float(vectors.std()) < 0.05
        assert torch.equal(vectors, scorer.start(500, 0.01, torch.Generator().manual_seed(3)))

    def test_all_tails_are_the_single_scores(self) -> None:
        """``all_tails`` is a column of `forward` for each entity, and blocks of rows change nothing."""
        scorer, (heads, relations, tails) = self.scorer(), self.triples()
        whole = scorer.all_tails(heads, relations, tails)
        assert whole.shape == (len(heads), len(tails))
        for column, tail in enumerate(tails):
            torch.testing.assert_close(whole[:, column], scorer(heads, relations, tail.expand_as(heads)))
        torch.testing.assert_close(whole[2:4], scorer.all_tails(heads[2:4], relations[2:4], tails))

    def test_all_relations_are_the_single_scores(self) -> None:
        """``all_relations`` is a column of `forward` for each relation."""
        scorer, (heads, _, tails) = self.scorer(), self.triples()
        whole = scorer.all_relations(heads, tails)
        assert whole.shape == (len(heads), RELATIONS)
        for relation in range(RELATIONS):
            same = torch.full((len(heads),), relation)
            torch.testing.assert_close(whole[:, relation], scorer(heads, same, tails))

    def test_comparison_broadcasts(self) -> None:
        """``compare`` takes several tails a query, as sampled negatives come."""
        scorer, (heads, relations, tails) = self.scorer(), self.triples()
        several = torch.stack([tails, tails.flip(0)], dim=1)
        scores = scorer.compare(scorer.project(heads, relations).unsqueeze(1), several)
        torch.testing.assert_close(scores[:, 0], scorer(heads, relations, tails))
        torch.testing.assert_close(scores[:, 1], scorer(heads, relations, tails.flip(0)))

    def test_factors_are_moduli(self) -> None:
        """One row a vector, none negative, and twice the vector has twice the factors."""
        scorer, (heads, relations, _) = self.scorer(), self.triples()
        factors = scorer.entity_factors(heads)
        assert len(factors) == len(heads) and bool((factors >= 0).all())
        torch.testing.assert_close(scorer.entity_factors(2 * heads), 2 * factors)
        assert len(scorer.relation_factors(relations)) == len(relations)
        assert bool((scorer.relation_factors(relations) >= 0).all())

    def test_gradients_are_right_and_finite_at_a_perfect_fit(self) -> None:
        """Against finite differences; and where projected head and tail coincide, or all is zero."""
        scorer, (heads, relations, tails) = self.scorer(), self.triples(3)
        ends = heads.requires_grad_(), tails.requires_grad_()
        assert torch.autograd.gradcheck(lambda h, t: scorer(h, relations, t), ends)
        assert torch.autograd.gradcheck(lambda h, t: scorer.all_tails(h, relations, t), ends)
        zero = torch.zeros(3, DIM, dtype=torch.float64, requires_grad=True)
        fit = scorer.project(zero, relations)
        scored = scorer.compare(fit, fit.detach()).sum() + scorer.entity_factors(zero).sum()
        (slope,) = torch.autograd.grad(scored, zero)
        assert bool(torch.isfinite(slope).all())

    def test_an_empty_batch_is_fine(self) -> None:
        """No query, no scores."""
        scorer, (heads, relations, tails) = self.scorer(), self.triples()
        assert scorer(heads[:0], relations[:0], tails[:0]).shape == (0,)
        assert scorer.all_tails(heads[:0], relations[:0], tails).shape == (0, len(tails))
