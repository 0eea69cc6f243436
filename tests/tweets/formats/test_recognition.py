import io
import tarfile
import zipfile

import pytest

from include.config.errors import DataError
from include.tweets.formats.recognition import HEAD_BYTES, refuse_unreadable


def zipped(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, "content")
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("part.csv"))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (zipped("[Content_Types].xml"), "an Excel workbook"),
        (zipped("part.csv"), "a ZIP archive"),
        (tarred(), "a tar archive"),
        (b"ORC\x08", "an ORC file"),
        (b"Obj\x01avro", "an Avro file"),
        (b"\xef\xbb\xbf<?XML version='1.0'?>", "XML"),
        (b"\n<!DOCTYPE html>", "a web page"),
        (b'<table border="1">', "a web page"),
        (b'[\n {"label": 1}]', "a JSON array"),
        (b'{\n  "label": 1,\n', "JSON over several lines"),
        (b"__label__0 hello world\n", "fastText's and BlazingText's own format"),
    ],
)
def test_what_is_not_read_says_what_it_is_and_what_to_do(content, kind):
    with pytest.raises(DataError, match=f"f: this is {kind}.*Save the rows as CSV"):
        refuse_unreadable("f", content[:HEAD_BYTES])


@pytest.mark.parametrize("content", [b"", b"0,a\n", b"[tag],text\n", b"<3,text\n", b"label,text\n"])
def test_text_is_not_refused(content):
    refuse_unreadable("f", content)
