"""Views of pictures and sounds are made of what can be decoded, and the teacher is asked about them once."""

import dataclasses

import numpy as np
import pytest

from chiasm.errors import InputError
from chiasm.training.budget import Budget
from chiasm.training.distillation import find_student
from chiasm.training.grid_teaching import Media, grid_teaching
from chiasm.training.progress import Stopped
from chiasm.training.retention import Witness
from chiasm_encoders import Waveform, load_encoder
from chiasm_encoders.distil import LADDERS, GridImitationConfig, GridTeaching
from chiasm_encoders.errors import ExportError
from chiasm_encoders.testing.toy import toy_clips, toy_drawings

CONFIG = GridImitationConfig(lessons=120, device="cpu")


def media(modality, count=40, damaged=(), asked=None):
    items = (
        list(toy_drawings(count))
        if modality == "image"
        else [Waveform(clip, 8000) for clip in toy_clips(count)]
    )
    names = [f"{number:04}" for number in range(count)]

    def decoded(hashes):
        if asked is not None:
            asked.extend(hashes)
        return [None if name in damaged else items[int(name)] for name in hashes]

    return Media(modality, names, decoded)


def teach(source, folder, stop=lambda: False, config=CONFIG, seed=0):
    teacher = load_encoder(f"hash:{source.modality}/16")
    return grid_teaching(teacher, source, config, folder, seed=seed, report=lambda *_: None, stop=stop)


@pytest.mark.parametrize("modality", ["image", "audio"])
def test_views_of_what_can_be_decoded_and_what_the_teacher_says_of_each(modality, tmp_path):
    found = teach(media(modality, damaged=("0003", "0039")), tmp_path)
    assert found.views.shape[0] == found.told.shape[0] == 38 * 3
    assert (found.dim, found.modality) == (16, modality)
    assert np.allclose(np.linalg.norm(found.told, axis=1), 1, atol=1e-2)
    grid = found.grid.grid(found.views[[0, 1]])
    assert grid.shape[:2] == (2, found.grid.channels) and bool(grid.isfinite().all())


def test_who_was_stopped_later_asks_nothing_twice(tmp_path):
    asked = []
    answers = iter([False, True])
    with pytest.raises(Stopped):
        teach(media("image"), tmp_path, stop=lambda: next(answers))
    first = teach(media("image"), tmp_path)
    again = teach(media("image", asked=asked), tmp_path, stop=lambda: True)
    assert not asked
    assert np.array_equal(first.told, again.told) and np.array_equal(first.views, again.views)
    assert first.digest == again.digest != teach(media("image"), tmp_path, seed=1).digest


def test_of_few_there_are_not_views_without_end(tmp_path):
    found = teach(media("image", 2), tmp_path, config=GridImitationConfig(lessons=10**9, device="cpu"))
    assert len(found.views) == 2 * 64


def test_of_too_many_some_are_taken(tmp_path):
    found = teach(media("image"), tmp_path, config=GridImitationConfig(lessons=10, device="cpu"))
    assert len(found.views) == 10


def test_a_silent_sound_is_a_lesson_too(tmp_path):
    sounds = [Waveform(np.zeros(8000, np.float32), 8000), *(Waveform(c, 8000) for c in toy_clips(3))]
    source = Media("audio", ["0", "1", "2", "3"], lambda some: [sounds[int(name)] for name in some])
    found = teach(source, tmp_path)
    assert np.isfinite(found.views.astype(np.float32)).all() and np.isfinite(found.told).all()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_nothing_to_teach_with(count, tmp_path):
    names = [f"{number:04}" for number in range(count)]
    config = GridImitationConfig(lessons=1, device="cpu")
    with pytest.raises(InputError) as raised:
        teach(media("image", count, damaged=names), tmp_path, config=config)
    assert raised.value.remedy


class Benchlike:
    """As much of a bench as a witness takes."""

    data = None

    def by_modality(self):
        return {"image": ["a", "b", "c", "d", "e"]}

    def expected(self, queries):
        return [np.array([ord(query) - ord("a")]) for query in queries]

    def scores(self, queries, asked=None):
        return np.eye(5)[[ord(query) - ord("a") for query in queries]]


def test_a_query_that_is_damaged_is_no_witness():
    items = {"a": 1, "b": None, "c": 3, "d": 4, "e": None}
    found = Witness(Benchlike(), "image", lambda queries: [items[query] for query in queries])
    assert (found.queries, found.items) == (["a", "c", "d"], [1, 3, 4])
    few = Witness(Benchlike(), "image", lambda queries: [1] * len(queries), most=2)
    assert few.queries == ["a", "e"]
    assert Witness(Benchlike(), "audio", lambda queries: list(queries)).queries == []


class RefusedTeaching(GridTeaching):
    """Of which no export says what its net says."""

    def exported(self, net):
        raise ExportError("the exported net differs")


def test_an_export_that_is_refused_ends_its_shape_and_not_the_search(tmp_path):
    found = teach(media("image"), tmp_path)
    refused = RefusedTeaching(
        **{field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    )
    drawings = list(toy_drawings(5))
    witness = Witness(Benchlike(), "image", lambda queries: [drawings["abcde".index(q)] for q in queries])
    shapes = LADDERS["image"].named(["residual-12-24-48-80", "residual-20-40-80-112"])
    outcome = find_student(
        refused, witness, shapes, Budget(50, 1000), CONFIG,
        folder=tmp_path / "students", seed=0, report=lambda *_: None, stop=lambda: False,
    )  # fmt: skip
    assert outcome.chosen is None and len(outcome.trials) == 2
    assert all(trial.verdict == "refused: the exported net differs" for trial in outcome.trials)
