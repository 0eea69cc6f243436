import io
import tarfile

import pytest

from include.blazingtext.model_archive import DamagedArchive, extract_model


def archive_with(**members: bytes) -> io.BytesIO:
    """A tar.gz; __ in a name stands for a slash, and _bin for the ending."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            about = tarfile.TarInfo(name.replace("__", "/").replace("_bin", ".bin"))
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return file


@pytest.mark.parametrize("name", ["model_bin", "some__folder__model_bin", "..__..__model_bin"])
def test_only_the_model_is_copied_wherever_it_stands(tmp_path, name):
    target = tmp_path / "target" / "model.bin"
    target.parent.mkdir()

    extract_model(archive_with(vectors_bin=b"vectors", **{name: b"weights"}), target)

    assert target.read_bytes() == b"weights"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [target]


def test_an_archive_without_a_model_is_an_error_that_says_so(tmp_path):
    with pytest.raises(ValueError, match=r"the archive holds no model\.bin"):
        extract_model(archive_with(other_bin=b"x"), tmp_path / "model.bin")


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00damaged"])
def test_what_is_no_archive_is_damaged(tmp_path, content):
    with pytest.raises(DamagedArchive, match=r"the archive is damaged, or no tar\.gz"):
        extract_model(io.BytesIO(content), tmp_path / "model.bin")


def test_a_model_that_cannot_be_in_so_small_an_archive_is_not_written(tmp_path):
    target = tmp_path / "model.bin"

    with pytest.raises(ValueError, match=r"model.bin is larger than [\d,]+ bytes, which no model in this archive"):
        extract_model(archive_with(model_bin=b"\0" * 50_000_000), target)

    assert not target.exists() or target.stat().st_size < 50_000_000


def test_a_link_is_no_model(tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        about = tarfile.TarInfo("model.bin")
        about.type, about.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(about)

    with pytest.raises(DamagedArchive):
        extract_model(file, tmp_path / "model.bin")
