"""Parquet files. Their rows are passed on as JSON lines, so that a row's number is its line's."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from include.config.errors import DataError
from include.tweets.formats.columns import ColumnNames
from include.tweets.labels import Labels

ROWS_AT_ONCE = 2_000


def json_lines(file: str, stream: BinaryIO, names: ColumnNames, labels: Labels) -> Iterator[bytes]:
    """
    The label, text and confidence columns of a file as JSON lines, whose keys are the columns' names.

    :param file: the file's name, for messages
    :param stream: a file that can be read at any position
    :raises DataError: the file is damaged, or has no label column or no text column
    """
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        parquet = ParquetFile(stream)
        columns = _columns(file, parquet.schema_arrow.names, names, labels)
        for batch in parquet.iter_batches(ROWS_AT_ONCE, columns=columns):
            # Only the three columns: another one may be of a type that JSON does not have.
            yield b"".join(_json(row) for row in batch.select(columns).to_pylist())
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{file}: the Parquet file cannot be read: {reason}. Write or upload it again.") from error


def _columns(file: str, titles: Sequence[str], names: ColumnNames, labels: Labels) -> list[str]:
    found = names.find(titles)
    if found is None:
        raise names.missing(file, titles, labels)
    positions = [found.label, found.text, found.confidence]
    columns = [titles[position] for position in positions if position is not None]
    if repeated := names.repeated(titles):
        raise names.ambiguous(file, repeated)
    return columns


def _json(row: dict[str, Any]) -> bytes:
    return json.dumps(row, default=_text, ensure_ascii=False).encode("utf-8", "surrogateescape") + b"\n"


def _text(value: Any) -> str:
    # What is not UTF-8 stays so, and its row is rejected.
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
