import pytest
import torch
from torch.nn import functional

from chiasm_graph.link_prediction.losses import (
    k_vs_all_loss,
    n3_loss,
    one_vs_all_loss,
    relation_loss,
    sampled_loss,
    self_adversarial_loss,
)
from chiasm_graph.scorers import ComplexScorer

OWNERS, TAILS = torch.tensor([0, 0, 1, 3, 3, 3]), torch.tensor([2, 4, 0, 1, 2, 6])


def scores(seed: int = 0) -> torch.Tensor:
    return torch.randn(4, 7, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_one_vs_all_is_the_cross_entropy_of_a_row_a_triple(smoothing):
    ours, plain = scores().requires_grad_(), scores().requires_grad_()
    loss = 3 * one_vs_all_loss(ours * 1, OWNERS, TAILS, smoothing)
    wanted = 3 * functional.cross_entropy(plain[OWNERS], TAILS, label_smoothing=smoothing)
    torch.testing.assert_close(loss, wanted)
    torch.testing.assert_close(
        *(torch.autograd.grad(value, given)[0] for value, given in ((loss, ours), (wanted, plain)))
    )


def test_one_vs_all_bears_large_scores():
    large = (1e4 * scores()).requires_grad_()
    loss = one_vs_all_loss(large * 1, OWNERS, TAILS)
    assert torch.isfinite(loss) and torch.isfinite(torch.autograd.grad(loss, large)[0]).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_k_vs_all_is_the_binary_cross_entropy_of_the_whole_matrix(smoothing):
    targets = torch.zeros(4, 7, dtype=torch.float64)
    targets[OWNERS, TAILS] = 1
    targets = (1 - smoothing) * targets + smoothing / 7
    wanted = functional.binary_cross_entropy_with_logits(scores(), targets)
    torch.testing.assert_close(k_vs_all_loss(scores(), OWNERS, TAILS, smoothing), wanted)


def test_self_adversarial_weighs_hard_negatives_and_is_not_moved_by_the_weights():
    positive = torch.tensor([-1.0, -2.0])
    negative = torch.tensor([[-3.0, -30.0], [-4.0, -4.0]], requires_grad=True)
    even = self_adversarial_loss(positive, negative, margin=6.0, temperature=0.0)
    hard = self_adversarial_loss(positive, negative, margin=6.0, temperature=1.0)
    assert hard > even
    (slope,) = torch.autograd.grad(hard, negative)
    weights = negative.detach().softmax(1)
    torch.testing.assert_close(slope, weights * torch.sigmoid(6.0 + negative.detach()) / 4)


def test_a_sample_of_everything_else_is_one_vs_all():
    # One triple a query and each other entity once: nothing is estimated.
    given, tail = scores()[:1], torch.tensor([2])
    drawn = torch.tensor([0, 1, 3, 4, 5, 6])
    found = sampled_loss(given[:, 2], given[:, drawn], torch.tensor([0]), tail, drawn, 7)
    torch.testing.assert_close(found, functional.cross_entropy(given, tail))


def test_the_sampled_sum_is_right_on_average():
    given, tail = scores()[:1], torch.tensor([2])
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(2000):
        drawn = torch.randint(7, (5,), generator=generator)
        found.append(sampled_loss(given[:, 2], given[:, drawn], torch.tensor([0]), tail, drawn, 7))
    # The logarithm of a mean lies above the mean of logarithms, so only about.
    assert float(torch.stack(found).mean()) == pytest.approx(
        float(functional.cross_entropy(given, tail)), rel=0.2
    )


def test_own_tails_in_the_sample_do_not_count():
    own, owners, tails = torch.tensor([1.0, 2.0]), torch.tensor([0, 0]), torch.tensor([3, 5])
    drawn, others = torch.tensor([3, 1, 5, 3]), torch.tensor([[1.0, 0.5, 2.0, 1.0]])
    moved = others + torch.tensor([[9.0, 0.0, -4.0, 50.0]])
    first, second = (sampled_loss(own, given, owners, tails, drawn, 9) for given in (others, moved))
    torch.testing.assert_close(first, second)


def test_n3_over_both_directions_is_the_papers_sum():
    heads, tails, relations = torch.rand(3, 5, 4)
    both = n3_loss(torch.cat([heads, tails]), torch.cat([relations, relations]), torch.ones(10))
    paper = (heads**3 + tails**3 + relations**3).sum() / 5
    torch.testing.assert_close(both, paper)
    twice = n3_loss(heads[:2], relations[:2], torch.tensor([2.0, 1.0]))
    torch.testing.assert_close(twice, n3_loss(heads[[0, 0, 1]], relations[[0, 0, 1]], torch.ones(3)))


def test_relation_loss_finds_the_relation():
    scorer = ComplexScorer(3, 4)
    with torch.no_grad():
        scorer.real.copy_(torch.tensor([[5.0, 5.0], [-5.0, -5.0], [0.0, 0.0]]))
    ends = torch.ones(2, 4)
    right, wrong = (relation_loss(scorer, ends, torch.tensor([at, at]), ends) for at in (0, 1))
    assert right < 1e-3 < 10 < wrong
