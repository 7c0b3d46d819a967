"""What students of pictures and sounds are taught: views of training media, and what the teacher says of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chiasm.errors import InputError, translated
from chiasm.fusion.checkpoints import mapped_file, read_tensors, write_tensors
from chiasm.training.distillation import Report
from chiasm.training.progress import Stop, Stopped
from chiasm.training.snapshot import SAMPLE_RATE_HZ
from chiasm_graph.arrays import map_array

if TYPE_CHECKING:
    from chiasm_encoders import Encoder
    from chiasm_encoders.audio.sound_grid import SoundGrid
    from chiasm_encoders.distil import GridImitationConfig, GridTeaching
    from chiasm_encoders.image.picture_grid import PictureGrid

__all__ = ["Media", "grid_teaching"]

#: Items that are decoded and mixed with each other at once.
_BATCH = 32
#: Views of an item: those of a batch are in memory at once, and more of few items say little that is new.
_MOST_VIEWS = 64
#: The teacher sees views of this side, the student smaller ones.
_VIEW_SIDE, _STUDENT_SIDE = 128, 64
#: Sounds whose length says how long a student's window shall be.
_MEASURED = 256


@dataclass(frozen=True)
class Media:
    """Pictures or sounds by their content's hash, decoded when asked for."""

    modality: str
    hashes: Sequence[str]
    #: Items of some hashes in their order; None for one that is damaged.
    decoded: Callable[[Sequence[str]], list[Any]]


def grid_teaching(
    teacher: Encoder,
    media: Media,
    config: GridImitationConfig,
    folder: Path,
    *,
    seed: int,
    report: Report,
    stop: Stop,
) -> GridTeaching:
    """Views with what the teacher says of them, kept in a folder so that a run which was stopped asks it once.

    Args:
        teacher: Of the media's modality.
        media: What may be trained on.
        config: Number and strength of the views.
        folder: For what is kept.
        seed: Of the views.
        report: Told stage and share.
        stop: Asked before each batch.

    Raises:
        Stopped: `stop` said so.
        InputError: Fewer than two media can be decoded.
    """
    from chiasm_encoders.distil import GridTeaching

    hashes = _drawn(sorted(set(media.hashes)), config.lessons, seed)
    grid = _grid(media, hashes)
    about = [teacher.fingerprint, hashes, config.lessons, config.augment, config.mixed, seed, grid.settings()]
    digest = hashlib.sha256(json.dumps(about).encode()).hexdigest()
    told, views = (folder / f"{name}-{digest[:16]}" for name in ("told.safetensors", "views.npy"))
    if not told.is_file():
        taken = Media(media.modality, hashes, media.decoded)
        _asked(teacher, taken, grid, config, (told, views), seed, report, stop)
    tensors = read_tensors(told, None)
    return GridTeaching(
        media.modality,
        grid,
        map_array(views)[: len(tensors["told"])],
        tensors["told"].float().numpy(),
        teacher.fingerprint,
        digest,
    )


def _asked(
    teacher: Encoder,
    media: Media,
    grid: PictureGrid | SoundGrid,
    config: GridImitationConfig,
    files: tuple[Path, Path],
    seed: int,
    report: Report,
    stop: Stop,
) -> None:
    """Write what the teacher says of all views, and what is kept of these."""
    from chiasm_encoders.distil import FrozenTeacher

    frozen = FrozenTeacher(teacher)
    each = min(_MOST_VIEWS, max(1, config.lessons // max(1, len(media.hashes))))
    said: list[npt.NDArray[np.float16]] = []
    kept: np.memmap[Any, Any] | None = None
    row = 0
    for number, start in enumerate(range(0, len(media.hashes), _BATCH)):
        if stop():
            raise Stopped
        report("asking the teacher", start / len(media.hashes))
        items = [item for item in media.decoded(media.hashes[start : start + _BATCH]) if item is not None]
        if not items:
            continue
        with translated():
            seen, small = _views(grid, items, each, config, seed * 1_000_003 + number)
            # Half of the memory; rounded here too, so that a run that goes on equals one that was not stopped.
            said.append(frozen(seen).astype(np.float16))
        if kept is None:
            shape = (len(media.hashes) * each, *small.shape[1:])
            files[1].parent.mkdir(parents=True, exist_ok=True)
            kept = mapped_file(files[1], shape, small.dtype)
        kept[row : row + len(small)] = small
        row += len(small)
    if kept is None or row < 2:
        raise InputError(
            f"{row} views of what may be trained on can be made",
            where=media.modality,
            remedy=f"ingest more {media.modality} that can be decoded",
        )
    kept.flush()
    write_tensors(files[0], {"told": np.concatenate(said)})


def _views(
    grid: PictureGrid | SoundGrid, items: Sequence[Any], each: int, config: GridImitationConfig, seed: int
) -> tuple[list[Any], npt.NDArray[Any]]:
    """Views of items as the teacher takes them, and what is kept of each."""
    from chiasm_encoders import Waveform
    from chiasm_encoders.audio.windows import windows
    from chiasm_encoders.distil import picture_views, sound_views
    from chiasm_encoders.image.picture_grid import PictureGrid
    from chiasm_encoders.image.preprocess import square_picture

    if isinstance(grid, PictureGrid):
        squares = np.stack([square_picture(picture, _VIEW_SIDE) for picture in items])
        pictures = picture_views(squares, each, augment=config.augment, mixed=config.mixed, seed=seed)
        return list(pictures), grid.kept(list(pictures))
    draw = np.random.default_rng(seed)
    cut = [windows(one.resampled(grid.sample_rate_hz).samples, grid.samples, grid.samples) for one in items]
    waves = np.stack([pieces[draw.integers(len(pieces))] for pieces in cut])
    sounds = sound_views(waves, each, augment=config.augment, mixed=config.mixed, seed=seed)
    # Small pieces: the spectra of all views at once would be large.
    parts = [grid.kept(list(sounds[at : at + _BATCH])) for at in range(0, len(sounds), _BATCH)]
    return [Waveform(sound, grid.sample_rate_hz) for sound in sounds], np.concatenate(parts)


def _grid(media: Media, hashes: Sequence[str]) -> PictureGrid | SoundGrid:
    """How a student sees such media; of sounds, as long as most are."""
    from chiasm_encoders.audio.sound_grid import SoundGrid
    from chiasm_encoders.image.picture_grid import PictureGrid

    if media.modality == "image":
        return PictureGrid(_STUDENT_SIDE)
    measured = hashes[:: max(1, len(hashes) // _MEASURED)]
    lengths = [
        item.duration_s
        for at in range(0, len(measured), _BATCH)
        for item in media.decoded(measured[at : at + _BATCH])
        if item is not None
    ]
    return SoundGrid.of_lengths(lengths or [1.0], SAMPLE_RATE_HZ)


def _drawn(hashes: list[str], most: int, seed: int) -> list[str]:
    """At most so many, in their order."""
    if len(hashes) <= most:
        return hashes
    chosen = np.random.default_rng(seed).choice(len(hashes), most, replace=False)
    return [hashes[at] for at in np.sort(chosen)]
