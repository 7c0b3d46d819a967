"""Loading a pair of open_clip towers from safetensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from chiasm_encoders.errors import SpecError, UnsafeWeightsError, WeightsError
from chiasm_encoders.fingerprint import fingerprint_of
from chiasm_encoders.weights import model_folder, safe_file

__all__ = ["OpenClipModel", "load_open_clip"]

_CONFIG = "open_clip_config.json"
_PREPROCESSING = ("mean", "std", "interpolation", "resize_mode")


@dataclass(frozen=True)
class OpenClipModel:
    """Both towers with what goes in front of them."""

    #: `encode_image`, `encode_text`; float32 on the CPU, in eval mode.
    model: Any
    #: PIL picture to `(3, size, size)`.
    preprocess: Any
    #: Texts to `(batch, context)`.
    tokenizer: Any
    fingerprint: str


def load_open_clip(what: str) -> OpenClipModel:
    """The model that the part of a spec behind its family names.

    Args:
        what: A folder with `open_clip_config.json`, `hf-hub:ORG/NAME`, `MODEL/TAG` out of
            `open_clip.list_pretrained()`, or `MODEL/FILE.safetensors`.

    Raises:
        SpecError: no such model.
        UnsafeWeightsError: its weights are only a pickle.
        WeightsError: weights are missing or do not fit.
    """
    if what.startswith("hf-hub:"):
        return _from_folder(model_folder(what.removeprefix("hf-hub:")), what)
    if Path(what).is_dir():
        return _from_folder(model_folder(what), what)
    name, _, pretrained = what.partition("/")
    return _from_name(name, pretrained, what)


def _from_folder(folder: Path, what: str) -> OpenClipModel:
    if not (folder / _CONFIG).is_file():
        raise WeightsError(f"no {_CONFIG}", where=what, remedy="save it in the layout of open_clip's hub")
    named = folder / "open_clip_model.safetensors"
    return _built(f"local-dir:{folder}", safe_file(named if named.is_file() else folder), what, {})


def _from_name(name: str, pretrained: str, what: str) -> OpenClipModel:
    import open_clip

    if name not in open_clip.list_models() or not pretrained:
        raise SpecError(
            "no such open_clip model", where=what, remedy="write MODEL/TAG, hf-hub:ORG/NAME or a folder"
        )
    tag = open_clip.get_pretrained_cfg(name, pretrained)
    if not tag:
        return _built(name, safe_file(Path(pretrained)), what, {})
    repository = tag.get("hf_hub", "").rpartition("/")[0]
    if not repository:
        raise UnsafeWeightsError(
            "this tag has only a pickle, which could run code, and is never read",
            where=what,
            remedy=f"convert it once in a limited process: chiasm models convert {what}",
        )
    options = {
        "force_quick_gelu": bool(tag.get("quick_gelu", False)),
        "force_preprocess_cfg": {key: tag[key] for key in _PREPROCESSING if key in tag},
    }
    folder = model_folder(repository)
    named = folder / "open_clip_model.safetensors"
    return _built(name, safe_file(named if named.is_file() else folder), what, options)


def _built(name: str, weights: Path, what: str, options: dict[str, Any]) -> OpenClipModel:
    """The architecture without weights, then the checked file: open_clip itself would also take a pickle."""
    import open_clip
    from open_clip.factory import load_checkpoint
    from open_clip.transform import PreprocessCfg, image_transform_v2

    try:
        model = open_clip.create_model(name, load_weights=False, pretrained_text=False, **options)
        load_checkpoint(model, str(weights), strict=True)
        tokenizer = open_clip.get_tokenizer(name)
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        raise WeightsError(f"weights and model do not fit: {error}", where=what) from error
    preparation = open_clip.get_model_preprocess_cfg(model)
    config = {"class": "open_clip", "model": str(model), "preprocess": preparation}
    return OpenClipModel(
        model=model.eval().requires_grad_(False),
        preprocess=image_transform_v2(PreprocessCfg(**preparation), is_train=False),
        tokenizer=tokenizer,
        fingerprint=fingerprint_of(config, dict[str, torch.Tensor](model.state_dict())),
    )
