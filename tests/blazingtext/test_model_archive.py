"""What a sound archive gives. `tests/security/test_models.py` has those that somebody has crafted or damaged."""

import io
import tarfile

import pytest

from include.blazingtext.model_archive import extract_model


def archive_of(members: dict[str, bytes]) -> io.BytesIO:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return file


@pytest.mark.parametrize("name", ["model.bin", "some/folder/model.bin", "../../model.bin"])
def test_only_the_model_is_copied_wherever_it_stands(tmp_path, name):
    target = tmp_path / "target" / "model.bin"
    target.parent.mkdir()

    extract_model(archive_of({"vectors.bin": b"vectors", name: b"weights"}), target)

    assert target.read_bytes() == b"weights"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [target]


def test_an_archive_without_a_model_is_an_error_that_says_so(tmp_path):
    with pytest.raises(ValueError, match=r"the archive holds no model\.bin"):
        extract_model(archive_of({"other.bin": b"x"}), tmp_path / "model.bin")
