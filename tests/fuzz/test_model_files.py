"""model.bin: a file is a model that answers, or it is refused; whoever loads it lives on."""

import struct
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.blazingtext.model_file import check_model_file
from include.blazingtext.model_process import ModelError, ModelProcess
from tests.fuzz.mutations import mutated, share_of_examples

SIZES = [struct.pack("<i", number) for number in (0, 1, -1, 2, 2**31 - 1, -(2**31))] + [b"\0" * 8, b"\xff" * 8]


@pytest.fixture(scope="module")
def model() -> bytes:
    import fasttext

    with TemporaryDirectory() as folder:
        train, file = Path(folder) / "train.txt", Path(folder) / "model.bin"
        train.write_text("__label__a kernel\n__label__b coupon\n" * 20)
        options = {"dim": 4, "bucket": 20, "wordNgrams": 2, "thread": 1, "verbose": 0, "minn": 2, "maxn": 3}
        fasttext.train_supervised(str(train), **options).save_model(str(file))
        return file.read_bytes()


@given(st.data())
def test_the_check_refuses_or_accepts(model, data):
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.bin"
        file.write_bytes(data.draw(mutated((model,), SIZES)))
        try:
            check_model_file(file)
        except ValueError as error:
            assert str(error)


def patched(content: bytes, offset: int, value: bytes) -> bytes:
    return content[:offset] + value + content[offset + len(value) :]


@share_of_examples(0.03)
@given(st.data())
def test_a_model_answers_or_ends_its_process_with_a_reason(model, data):
    content = model
    for _ in range(data.draw(st.integers(1, 3))):
        content = patched(content, data.draw(st.integers(0, len(content))), data.draw(st.sampled_from(SIZES)))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.bin"
        file.write_bytes(content)
        try:
            with ModelProcess(file) as process:
                process.predict(["kernel coupon", ""], k=2)
                process.weights(1, 100)
        except ModelError as error:
            assert str(error)
