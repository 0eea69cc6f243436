"""What a file is, by its first bytes. Text is read, and Parquet; of everything else people are told what it is."""

import re

from include.config.errors import DataError

PARQUET = b"PAR1"
HEAD_BYTES = 512

_UNREADABLE = {
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
    b"ARROW1": "an Arrow (Feather) file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (xls)",
    b"%PDF": "a PDF",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"SEQ\x06": "a Hadoop sequence file",
    b"RCF\x01": "an RC file",
    b"SQLite format 3": "an SQLite database",
    b"\x80\x04\x95": "a Python pickle",
    b"\x80\x05\x95": "a Python pickle",
    b"\xff\x06\x00\x00sNaPpY": "compressed with Snappy",
    b"\x04\x22\x4d\x18": "compressed with LZ4",
    b"<?xml": "XML",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"<table": "a web page",
    b"__label__": "fastText's and BlazingText's own format, which prepare writes",
}
_JSON = {
    re.compile(rb"\s*\[\s*\{"): "a JSON array",
    re.compile(rb'\s*\{\s*\n\s*"'): "JSON over several lines",
}
_ZIP = b"PK\x03\x04"


def refuse_unreadable(file: str, head: bytes) -> None:
    """
    :param head: the first HEAD_BYTES of a file that is not compressed
    :raises DataError: the file is of a kind that is not read; the message says what it is and what to do
    """
    if kind := _kind(head):
        raise DataError(
            f"{file}: this is {kind}, which is not read. Save the rows as CSV, JSON lines or Parquet (CSV and JSON "
            f"lines may be compressed with gzip, bzip2, xz or Zstandard)."
        )


def _kind(head: bytes) -> str | None:
    if head.startswith(_ZIP):
        return "an Excel workbook (xlsx)" if b"[Content_Types].xml" in head or b"xl/" in head else "a ZIP archive"
    if head[257:262] == b"ustar":
        return "a tar archive"
    for pattern, kind in _JSON.items():
        if pattern.match(head):
            return f"{kind} (JSON lines have one object in each line)"
    return _kind_by_start(head)


def _kind_by_start(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next(
        (kind for magic, kind in _UNREADABLE.items() if _starts(text if magic[:1] in b"<_" else head, magic)), None
    )


def _starts(head: bytes, magic: bytes) -> bool:
    return head[: len(magic)].lower() == magic.lower()
