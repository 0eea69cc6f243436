"""Model files that were made to harm whoever loads them: evaluation and the local AWS refuse them, and live on."""

import errno
import gzip
import io
import random
import struct
import tarfile
from pathlib import Path

import fasttext
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.blazingtext.model import LocalModel
from include.blazingtext.model_process import ModelError, ModelProcess
from include.config.errors import EvaluationError
from local_aws.blazingtext.inference import ContainerError
from local_aws.sagemaker.artifact import ArtifactError, open_artifact

HEADER = 8 + 12 * 4 + 8
"""Bytes of magic number, version and arguments; then the dictionary's sizes: fastText's Dictionary::load."""


@pytest.fixture(scope="module")
def model_file(tmp_path_factory) -> bytes:
    folder = tmp_path_factory.mktemp("model")
    (folder / "train.txt").write_text("__label__a kernel\n__label__b coupon\n" * 20)
    model = fasttext.train_supervised(str(folder / "train.txt"), dim=4, bucket=20, wordNgrams=2, thread=1, verbose=0)
    model.save_model(str(folder / "model.bin"))
    return (folder / "model.bin").read_bytes()


def archive_of(content: bytes) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("model.bin")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def patched(content: bytes, offset: int, value: bytes) -> bytes:
    return content[:offset] + value + content[offset + len(value) :]


CRAFTED = {
    "2^31 - 1 words": lambda model: patched(model, HEADER, struct.pack("<ii", 2**31 - 1, 2**31 - 1)),
    "fewer than no words": lambda model: patched(model, HEADER, struct.pack("<ii", -5, -5)),
    "dimension 2^31 - 1": lambda model: patched(model, 8, struct.pack("<i", 2**31 - 1)),
    "no buckets": lambda model: patched(model, 8 + 8 * 4, struct.pack("<i", 0)),
    "cut in the dictionary": lambda model: model[: HEADER + 40],
    "cut in the matrix": lambda model: model[:-30],
    "noise": lambda model: b"\x00\xff" * 5000,
    "empty": lambda model: b"",
    "50 MB of zeros": lambda model: bytes(50_000_000),
}


@pytest.mark.parametrize("craft", CRAFTED.values(), ids=CRAFTED)
def test_a_crafted_model_is_refused_in_words(model_file, tmp_path, craft):
    archive = archive_of(craft(model_file))
    (tmp_path / "model.tar.gz").write_bytes(archive)

    try:
        with LocalModel(tmp_path / "model.tar.gz", tmp_path / "in") as model:
            model.predict(["kernel coupon"])
    except EvaluationError as error:
        assert 20 < len(str(error)) < 300
    try:
        open_artifact(archive, "s3://b/model.tar.gz", tmp_path).answer(
            b'{"instances": ["kernel coupon"]}', "application/json"
        )
    except (ArtifactError, ContainerError) as error:
        assert 20 < len(str(error)) < 600


def test_an_archive_that_unpacks_to_far_more_than_it_is_is_refused(tmp_path):
    archive = archive_of(bytes(50_000_000))
    (tmp_path / "model.tar.gz").write_bytes(archive)

    with pytest.raises(EvaluationError, match=r"model\.bin is larger than"):
        LocalModel(tmp_path / "model.tar.gz", tmp_path / "in")
    assert (tmp_path / "in" / "model.bin").stat().st_size < 100 * len(archive)


def tar_gz(*members: tuple[str, bytes, str]) -> bytes:
    """An archive of members, each with name, type and the name that it links to."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, kind, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            tar.addfile(member)
    return archive.getvalue()


def archive_with_a_header_of(size: int) -> bytes:
    """The header's size is all that an archive needs, and tarfile reads as much into memory."""
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, size
    return gzip.compress(header.tobuf() + random.Random(1).randbytes(3_000_000))


DAMAGED = {
    "a link that leads nowhere": tar_gz(("model.bin", tarfile.SYMTYPE, "none")),
    "a link to itself": tar_gz(
        ("model.bin", tarfile.LNKTYPE, "model.bin"), ("model.bin", tarfile.SYMTYPE, "model.bin")
    ),
    "a header of 200 MB": archive_with_a_header_of(200_000_000),
    "no gzip": b"\x1f\x8b" + bytes(100),
    "cut": archive_of(random.Random(1).randbytes(5000))[:2000],
}


@pytest.mark.parametrize("archive", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_archive_is_refused_in_words(tmp_path, archive):
    (tmp_path / "model.tar.gz").write_bytes(archive)

    with pytest.raises(EvaluationError, match=r"model\.tar\.gz contains no model\.bin that fastText can read: "):
        LocalModel(tmp_path / "model.tar.gz", tmp_path / "in")
    with pytest.raises(ArtifactError, match="Failed to extract model data archive"):
        open_artifact(archive, "s3://b/model.tar.gz", tmp_path)


def test_what_stands_before_the_model_is_bounded_too(tmp_path):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, size in (("zeros", 50_000_000), ("model.bin", 10)):
            member = tarfile.TarInfo(name)
            member.size = size
            tar.addfile(member, io.BytesIO(bytes(size)))
    (tmp_path / "model.tar.gz").write_bytes(archive.getvalue())

    with pytest.raises(EvaluationError, match="is larger than"):
        LocalModel(tmp_path / "model.tar.gz", tmp_path / "in")


@given(st.data())
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
def test_whatever_stands_in_a_model_its_process_answers_or_ends_with_a_reason(model_file, tmp_path, data):
    content = model_file
    for _ in range(data.draw(st.integers(1, 4))):
        offset = data.draw(st.integers(0, min(len(content), HEADER + 200) - 4))
        content = patched(content, offset, data.draw(st.binary(min_size=4, max_size=4)))
    path: Path = tmp_path / "fuzzed.bin"
    path.write_bytes(content)

    try:
        with ModelProcess(path) as model:
            model.predict(["kernel coupon"], k=2)
    except ModelError as error:
        assert str(error)


def test_a_full_disk_is_not_blamed_on_the_model(model_file, tmp_path, monkeypatch):
    (tmp_path / "model.tar.gz").write_bytes(archive_of(model_file))

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("include.blazingtext.model.extract_model", fail)

    with pytest.raises(OSError, match="No space left"):
        LocalModel(tmp_path / "model.tar.gz", tmp_path / "in")
