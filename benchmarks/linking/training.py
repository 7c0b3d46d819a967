"""Trains recipes and ensembles, judges them, and tells what it took."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from torch import Tensor

from benchmarks.linking.texts import read_texts, text_vectors
from benchmarks.shared_data import shared_data
from chiasm_graph.link_prediction import (
    EpochReport,
    LinkConfig,
    LinkData,
    LinkTrainer,
    filtered_ranks,
    link_metrics_of,
)
from chiasm_graph.link_prediction.ensemble import (
    EnsembleRecipe,
    Nearness,
    ReasonedScores,
    Standardised,
    fit_ensemble,
)
from chiasm_graph.link_prediction.tail_scores import TailScores
from chiasm_graph.link_prediction.text import TextAnalogies, TextCases, TextConfig, TextTrainer
from chiasm_graph.rules import CaseBase, FactIndex, MiningConfig, RuleBase, mine_rules
from chiasm_graph.triples import Triples

__all__ = ["Runs", "judged"]


@dataclass(frozen=True)
class Runs:
    """Trains members on one data set; what has been trained is taken up from the folder of checkpoints."""

    dataset: str
    data: LinkData
    #: Folder of checkpoints; None keeps none.
    checkpoints: Path | None
    #: Folder of text vectors.
    cache: Path

    @cached_property
    def features(self) -> Tensor:
        """MiniLM vector of each entity's text."""
        texts = read_texts(shared_data() / "kg" / self.dataset, self.data.entities)
        return text_vectors(texts, self.cache)

    def structure(self, name: str, config: LinkConfig, seed: int) -> tuple[TailScores, dict[str, float]]:
        """A trained model and its cost."""
        trainer = LinkTrainer(
            self.data, config, seed=seed, checkpoint=self._file(name, seed), progress=_teller(name)
        )
        model = trainer.fit()
        return model, _cost(trainer.state.seconds, trainer.state.processor_seconds)

    def text(self, name: str, config: TextConfig, seed: int) -> tuple[TailScores, dict[str, float]]:
        """Trained towers and their cost, without that of the frozen vectors."""
        trainer = TextTrainer(
            self.data,
            self.features,
            config,
            seed=seed,
            checkpoint=self._file(name, seed),
            progress=_teller(name),
        )
        scores = trainer.fit()
        return scores, _cost(trainer.state.seconds, trainer.state.processor_seconds)

    def ensemble(
        self, recipe: EnsembleRecipe, config_of: Callable[[str], LinkConfig], seed: int
    ) -> tuple[dict[str, TailScores], dict[str, float]]:
        """The mixture under the name ``ensemble``, its members under theirs, and the cost of all."""
        members: dict[str, TailScores] = {}
        costs: list[dict[str, float]] = []
        for name, of in recipe.structure.items():
            members[name], cost = self.structure(of, config_of(of), seed)
            costs.append(cost)
        for name, config in recipe.text.items():
            members[name], cost = self.text(f"{recipe.name}-{name}", config, seed)
            costs.append(cost)
        began, worked = time.perf_counter(), time.process_time()
        mixed = {name: Standardised(member) for name, member in members.items()}
        members |= self.untrained(recipe)
        mixed |= {name: member for name, member in members.items() if name not in mixed}
        near = {f"near {hops}": Nearness(self.data.graph, hops) for hops in range(recipe.near + 1)}
        known = np.concatenate([self.data.train, self.data.valid])
        fitted = fit_ensemble({**mixed, **near}, self.data.valid, known, spread=recipe.spread, seed=seed)
        means = {
            name: round(float(w), 3) for name, w in zip(fitted.members, fitted.weights.mean(0), strict=True)
        }
        print(f"weights, mean over relations: {json.dumps(means)}", flush=True)
        costs.append(_cost(time.perf_counter() - began, time.process_time() - worked))
        total = {key: sum(cost[key] for cost in costs) for key in costs[0]}
        return {"ensemble": fitted, **members}, total

    def untrained(self, recipe: EnsembleRecipe, mined: Triples | None = None) -> dict[str, TailScores]:
        """Members that learn nothing about an entity: texts as they are, and what rules and cases say of the graph.

        Args:
            recipe: Which of them.
            mined: Where rules come from; None is the graph they speak of.
        """
        return self._alike(recipe) | self._reasoned(recipe, mined or self.data.graph)

    def _alike(self, recipe: EnsembleRecipe) -> dict[str, TailScores]:
        if not recipe.alike:
            return {}
        return {
            "text cases": TextCases(self.features, self.data.graph),
            "analogies": Standardised(TextAnalogies(self.features, self.data.graph)),
        }

    def _reasoned(self, recipe: EnsembleRecipe, graph: Triples) -> dict[str, TailScores]:
        facts = FactIndex(self.data.graph)
        found: dict[str, TailScores] = {}
        if recipe.rules is not None:
            mined = mine_rules(
                graph,
                MiningConfig(
                    max_seconds=recipe.rules.max_seconds,
                    max_bodies=recipe.rules.max_bodies,
                    max_rules=recipe.rules.max_rules,
                    max_length=recipe.rules.max_length,
                ),
            )
            print(f"{len(mined.rules)} rules{', out of time' if mined.out_of_time else ''}", flush=True)
            found["rules"] = ReasonedScores(RuleBase(facts, mined.rules))
        if recipe.cases:
            found["cases"] = ReasonedScores(CaseBase(facts))
        return found

    def _file(self, name: str, seed: int) -> Path | None:
        if self.checkpoints is None:
            return None
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        return self.checkpoints / f"{name}-{seed}.safetensors"


def judged(scores: TailScores, data: LinkData, split: str) -> dict[str, float]:
    """Metrics on ``valid`` (test unread) or ``test``, and the seconds it took."""
    known = [data.train, data.valid] if split == "valid" else [data.train, data.valid, data.test]
    began = time.perf_counter()
    triples = data.valid if split == "valid" else data.test
    metrics = link_metrics_of(filtered_ranks(scores, triples, np.concatenate(known))).to_dict()
    return {**metrics, "judging_s": time.perf_counter() - began}


def _cost(seconds: float, processor_seconds: float) -> dict[str, float]:
    return {"minutes": seconds / 60, "processor_minutes": processor_seconds / 60}


def peak_gib() -> float:
    """Largest resident memory of this process so far."""
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def _teller(name: str) -> Callable[[EpochReport], None]:
    def tell(report: EpochReport) -> None:
        if report.valid is not None:
            losses = ", ".join(f"{loss} {value:.4f}" for loss, value in report.losses.items())
            print(
                f"{name}, epoch {report.epoch}/{report.max_epochs}: {losses}; "
                f"valid mrr {report.valid.mrr:.4f}, {report.seconds:.0f} s",
                file=sys.stderr,
                flush=True,
            )

    return tell
