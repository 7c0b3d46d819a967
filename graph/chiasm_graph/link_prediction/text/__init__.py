"""Link prediction from texts: two towers over frozen vectors of what entities are called and said to be."""

from chiasm_graph.link_prediction.text.cases import TextAnalogies, TextCases
from chiasm_graph.link_prediction.text.config import TextConfig
from chiasm_graph.link_prediction.text.surroundings import Surroundings
from chiasm_graph.link_prediction.text.towers import TextScores, TextTowers
from chiasm_graph.link_prediction.text.trainer import TextTrainer

__all__ = [
    "Surroundings",
    "TextAnalogies",
    "TextCases",
    "TextConfig",
    "TextScores",
    "TextTowers",
    "TextTrainer",
]
