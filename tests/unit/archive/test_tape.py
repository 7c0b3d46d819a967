"""The tape: what is written is read, by us and by any tar; anything else is an error with a place."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chiasm.archive.layout import checked_member, safe_relative
from chiasm.archive.tape import TapeWriter, read_tape, tape_source, tape_target
from chiasm.errors import ChiasmError, DamagedError, InputError

NAMES = st.text("abcdefghij0123456789-_.é", min_size=1, max_size=60).filter(lambda name: name.strip("."))
FILES = st.dictionaries(NAMES, st.binary(max_size=1500), max_size=6)


def written(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    tape = TapeWriter(stream)
    for name, data in files.items():
        tape.add(name, len(data), iter([data[:7], data[7:]]))
    tape.end()
    return stream.getvalue()


def read(data: bytes) -> dict[str, bytes]:
    return {member.name: b"".join(member.chunks) for member in read_tape(io.BytesIO(data), "x.tar")}


@settings(max_examples=60, deadline=None)
@given(files=FILES)
def test_what_is_written_is_read_by_us_and_by_tar(files: dict[str, bytes]) -> None:
    data = written(files)
    assert read(data) == files
    with tarfile.open(fileobj=io.BytesIO(data)) as tape:
        assert {info.name: tape.extractfile(info).read() for info in tape} == files  # type: ignore[union-attr]


@settings(max_examples=60, deadline=None)
@given(files=FILES.filter(bool), share=st.floats(0, 1, exclude_max=True))
def test_a_cut_tape_is_told(files: dict[str, bytes], share: float) -> None:
    data = written(files)
    # Both blocks of the end may go: what stands before them is whole.
    cut = data[: int((len(data) - 1024) * share)]
    with pytest.raises(DamagedError):
        read(cut)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=2000))
def test_noise_is_an_error_or_nothing(data: bytes) -> None:
    try:
        read(data)
    except ChiasmError as error:
        assert error.where and error.remedy


def test_members_not_taken_are_passed_over() -> None:
    data = written({"a": b"1" * 3000, "b": b"2"})
    assert [member.name for member in read_tape(io.BytesIO(data), "x.tar")] == ["a", "b"]


@pytest.mark.parametrize("size", [0, 2, 4])
def test_a_file_of_another_size_than_announced_is_refused(size: int) -> None:
    with pytest.raises(DamagedError, match="instead of"):
        TapeWriter(io.BytesIO()).add("a", size, iter([b"123"]))


@pytest.mark.parametrize("name", ["x/" * 130 + "y", "z" * 101])
def test_a_name_too_long_for_a_tar_is_told(name: str) -> None:
    with pytest.raises(InputError, match="backup"):
        TapeWriter(io.BytesIO()).add(name, 0, iter([]))


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tgz", "tar.zst", ""])
def test_packing_goes_by_name_and_unpacking_by_content(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"x.{suffix}"
    with tape_target(file) as stream:
        stream.write(written({"a": b"0" * 50_000}))
    assert (file.stat().st_size < 5_000) == (suffix not in ("tar", ""))
    other = file.rename(tmp_path / "renamed")
    with tape_source(other) as stream:
        assert {member.name: len(b"".join(member.chunks)) for member in read_tape(stream, "x")} == {
            "a": 50_000
        }


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("a/b", True),
        ("a", True),
        ("", False),
        ("/a", False),
        ("a/", False),
        ("a//b", False),
        ("../a", False),
        ("a/..", False),
        ("./a", False),
        ("a\\b", False),
        ("a\nb", False),
        ("a\0b", False),
    ],
)
def test_paths_stay_inside(path: str, safe: bool) -> None:
    assert safe_relative(path) is safe
    if not safe:
        with pytest.raises(InputError):
            checked_member(f"models/{path}", "x")
