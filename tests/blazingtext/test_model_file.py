import io
import struct

import pytest

from include.blazingtext.model_archive import extract_model
from include.blazingtext.model_file import MAGIC_NUMBER, MIN_BYTES, check_model_file


@pytest.fixture
def model(tmp_path, model_archive):
    """A sound model.bin, which a test may damage."""
    path = tmp_path / "model.bin"
    extract_model(io.BytesIO(model_archive), path)
    return path


def test_a_model_as_fasttext_saves_it_is_sound(model):
    check_model_file(model)


@pytest.mark.parametrize("size", [0, MIN_BYTES - 1])
def test_a_file_that_is_too_short_is_no_model(model, size):
    model.write_bytes(model.read_bytes()[:size])

    with pytest.raises(ValueError, match=f"a file of {size} bytes is too short"):
        check_model_file(model)


@pytest.mark.parametrize(
    ("position", "number", "message"),
    [
        (0, MAGIC_NUMBER + 1, "does not begin as a fastText model does"),
        (8, 0, "0 dimensions are no sizes of a model"),
        (8, 6, r"the input matrix has \d+ rows and 5 columns, not \d+ and 6"),
    ],
)
def test_a_head_that_does_not_fit_is_said(model, position, number, message):
    content = bytearray(model.read_bytes())
    struct.pack_into("<i", content, position, number)
    model.write_bytes(content)

    with pytest.raises(ValueError, match=message):
        check_model_file(model)


def test_a_file_that_ends_early_or_late_is_damaged(model):
    content = model.read_bytes()
    model.write_bytes(content[:-1])
    with pytest.raises(ValueError, match="the file ends within its output matrix"):
        check_model_file(model)

    model.write_bytes(content + b"\0")
    with pytest.raises(ValueError, match=f"the file has {len(content) + 1} bytes, and its parts {len(content)}"):
        check_model_file(model)
