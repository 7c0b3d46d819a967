"""Link prediction from the structure alone: train on triples, rank the missing end."""

from chiasm_graph.link_prediction.config import LinkConfig
from chiasm_graph.link_prediction.dataset import LinkData
from chiasm_graph.link_prediction.evaluation import LinkMetrics, filtered_ranks, link_metrics_of
from chiasm_graph.link_prediction.model import LinkModel
from chiasm_graph.link_prediction.recipe import LinkRecipe, link_recipe_names, load_link_recipe
from chiasm_graph.link_prediction.trainer import EpochReport, LinkTrainer

__all__ = [
    "EpochReport",
    "LinkConfig",
    "LinkData",
    "LinkMetrics",
    "LinkModel",
    "LinkRecipe",
    "LinkTrainer",
    "filtered_ranks",
    "link_metrics_of",
    "link_recipe_names",
    "load_link_recipe",
]
