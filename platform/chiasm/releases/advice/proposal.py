"""Which recipe, encoders and batch fit what there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chiasm.fusion.recipe import Recipe, load_recipe
from chiasm.releases.advice.machine import Machine
from chiasm.releases.advice.material import Material

__all__ = ["Proposal", "propose"]

#: Pairs of media and text below which a student learns too little to be preferred.
_FEW_PICTURES, _FEW_SOUNDS = 200, 60
_MULTILINGUAL = "sentence-transformers:paraphrase-multilingual-MiniLM-L12-v2"
_LEAST_MEMORY_GIB, _LEAST_DISK_GIB = 4.0, 2.0
_DISTURBING = 0.2


@dataclass(frozen=True)
class Proposal:
    """A recipe, what to change in it, and why."""

    recipe: str
    overrides: dict[str, str]
    #: Modality to the encoder that the release will have; no entry where there is nothing to encode.
    encoders: dict[str, str]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    #: The recipe with its changes.
    loaded: Recipe = field(repr=False)

    @property
    def command(self) -> str:
        """What to type."""
        changes = "".join(f" --set '{name}={value}'" for name, value in self.overrides.items())
        return f"chiasm train --recipe {self.recipe}{changes}"

    def to_dict(self) -> dict[str, Any]:
        """Without the reasons, as JSON."""
        return {
            "recipe": self.recipe,
            "overrides": self.overrides,
            "encoders": self.encoders,
            "command": self.command,
        }


def propose(material: Material, machine: Machine) -> Proposal:
    """A proposal; it leaves alone what the recipe's own values serve as well."""
    reasons: list[str] = []
    overrides: dict[str, str] = {}
    recipe = _recipe(material, machine, reasons)
    if recipe == "pretrained":
        # A pretrained tower is loaded for what is there alone.
        reasons.append("its encoders are fetched by name from the hub, or found in the local cache")
    loaded = load_recipe(recipe)
    batch = _batch(material.entities, loaded.training.batch)
    if batch != loaded.training.batch:
        overrides["training.batch"] = str(batch)
        reasons.append(
            f"a batch of {batch}: of {material.entities} entities, so that there are steps to take"
        )
    if material.text and material.not_english >= _DISTURBING:
        overrides["encoders.text"] = _MULTILINGUAL
        share = f"{material.not_english:.0%}"
        reasons.append(
            f"a multilingual text encoder: {share} of the texts are not English, which MiniLM alone knows"
        )
    changed = load_recipe(recipe, overrides)
    return Proposal(
        recipe,
        overrides,
        _encoders(material, changed),
        tuple(reasons),
        tuple(_warnings(material, machine, changed)),
        changed,
    )


def _recipe(material: Material, machine: Machine, reasons: list[str]) -> str:
    few = [
        f"only {found} {what} stand beside a text"
        for count, found, least, what in (
            (material.image, material.pictured_and_named, _FEW_PICTURES, "entities with pictures"),
            (material.audio, material.sounding_and_named, _FEW_SOUNDS, "entities with sounds"),
        )
        if count and found < least
    ]
    if not material.image and not material.audio:
        reasons.append("offline: there are no pictures and no sounds, so nothing needs a pretrained tower")
        return "offline"
    if _pairs(material):
        reasons.append(
            f"offline: there are no texts, but {material.pictured_and_sounding} entities have pictures and sounds, "
            "which teach each other's students"
        )
        return "offline"
    if few:
        reasons.append(f"pretrained: {' and '.join(few)}, too few for a student to learn from")
        return "pretrained"
    if machine.devices:
        name = machine.devices[0].name
        reasons.append(f"pretrained: a GPU is here ({name}), so large encoders cost little")
        return "pretrained"
    reasons.append(
        "offline: enough pictures or sounds stand beside texts to distil students, which are quick on a CPU"
    )
    return "offline"


def _pairs(material: Material) -> bool:
    """Whether students are taught by what one entity has, and by enough of it."""
    enough = material.image >= _FEW_PICTURES and material.audio >= _FEW_SOUNDS
    return not material.text and enough and material.pictured_and_sounding > 0


def _batch(entities: int, usual: int) -> int:
    """The recipe's batch, or a smaller power of two that leaves a small catalogue four steps an epoch."""
    if entities >= 4 * usual:
        return usual
    size = usual
    while size > 16 and size > entities // 4:
        size //= 2
    return size


def _encoders(material: Material, recipe: Recipe) -> dict[str, str]:
    from chiasm_encoders import default_text_spec

    chosen = {}
    if material.text:
        tuned = recipe.encoders.text_tuning is not None
        chosen["text"] = (recipe.encoders.text or default_text_spec()) + (
            ", tuned to the catalogue" if tuned else ""
        )
    student = "student " + ("trained by pairs" if _pairs(material) else "distilled from the text encoder")
    if material.image:
        chosen["image"] = recipe.encoders.image.encoder or student
    if material.audio:
        chosen["audio"] = recipe.encoders.audio.encoder or student
    return chosen


def _warnings(material: Material, machine: Machine, recipe: Recipe) -> Iterator[str]:
    media = material.image or material.audio
    if not material.text and media and recipe.name == "offline" and not _pairs(material):
        yield "there are no texts: students are taught by texts; take the pretrained recipe or add names"
    if not material.edges:
        yield "no statement links two entities: hits will have no graph token and no paths"
    if material.empty:
        yield f"{material.empty} entities have no text, picture or sound: only their edges can make them hits"
    if machine.memory_gib < _LEAST_MEMORY_GIB:
        yield f"{machine.memory_gib} GiB of memory are little: stop other work while it trains"
    if machine.disk_gib < _LEAST_DISK_GIB:
        yield f"only {machine.disk_gib} GiB are free where models are written"
    if material.entities < 50:
        yield f"{material.entities} entities are few: what is held out to judge by will say little"
