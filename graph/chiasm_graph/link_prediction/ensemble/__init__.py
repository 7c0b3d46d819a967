"""Several scorers as one, with weights fitted on the valid split."""

from chiasm_graph.link_prediction.ensemble.candidates import Candidates, draw_candidates
from chiasm_graph.link_prediction.ensemble.fit import fit_ensemble, fit_weights
from chiasm_graph.link_prediction.ensemble.mixture import Ensemble, Standardised
from chiasm_graph.link_prediction.ensemble.nearness import Nearness
from chiasm_graph.link_prediction.ensemble.reasoned import ReasonedScores
from chiasm_graph.link_prediction.ensemble.recipe import (
    EnsembleRecipe,
    ReasonConfig,
    ensemble_recipe_names,
    load_ensemble_recipe,
)

__all__ = [
    "Candidates",
    "Ensemble",
    "EnsembleRecipe",
    "Nearness",
    "ReasonConfig",
    "ReasonedScores",
    "Standardised",
    "draw_candidates",
    "ensemble_recipe_names",
    "fit_ensemble",
    "fit_weights",
    "load_ensemble_recipe",
]
