"""What link prediction is trained on, one loss a file."""

from chiasm_graph.link_prediction.losses.contrastive_loss import contrastive_loss
from chiasm_graph.link_prediction.losses.k_vs_all_loss import k_vs_all_loss
from chiasm_graph.link_prediction.losses.n3_loss import n3_loss
from chiasm_graph.link_prediction.losses.one_vs_all_loss import one_vs_all_loss
from chiasm_graph.link_prediction.losses.relation_loss import relation_loss
from chiasm_graph.link_prediction.losses.sampled_loss import sampled_loss
from chiasm_graph.link_prediction.losses.self_adversarial_loss import self_adversarial_loss

__all__ = [
    "contrastive_loss",
    "k_vs_all_loss",
    "n3_loss",
    "one_vs_all_loss",
    "relation_loss",
    "sampled_loss",
    "self_adversarial_loss",
]
