"""
The structure of a model.bin, checked before fastText reads it.

fastText trusts every size in the file: it would allocate what a damaged one says, and read on beyond the file's end.
The format: https://github.com/facebookresearch/fastText, FastText::saveModel, Args::save, Dictionary::save and
DenseMatrix::save.
"""

import mmap
import os
import struct

MAGIC_NUMBER = 793_712_314
_HEAD = struct.Struct("<2i12id3i2q")
"""Magic number and version; the arguments, of which the first is the dimension and the ninth the number of buckets; the
numbers of entries, words, labels, tokens and pruned entries."""
_SHAPE = struct.Struct("<2q")
AFTER_WORD = 9
"""Bytes of an entry after its word and the NUL: a count and a type."""
BYTES_PER_WEIGHT = 4
MIN_BYTES = _HEAD.size + 2 * (1 + _SHAPE.size)


def check_model_file(path: str | os.PathLike[str]) -> None:
    """
    Check that the sizes in a file are those of its parts.

    :raises ValueError: the file is damaged or no model; the message says what does not fit
    """
    size = os.stat(path).st_size  # noqa: PTH116 (pathlib takes 6 ms to import, of the 50 that a model's process takes)
    if size < MIN_BYTES:
        raise ValueError(f"a file of {size} bytes is too short for a model")
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:  # noqa: PTH123
        magic, _, dimension, *_, buckets, _, _, _, _, entries, words, labels, _, pruned = _HEAD.unpack_from(content)
        if magic != MAGIC_NUMBER:
            raise ValueError("the file does not begin as a fastText model does")
        if min(words, labels, buckets) < 0 or dimension < 1 or words + labels != entries:
            raise ValueError(f"{words} words, {labels} labels and {dimension} dimensions are no sizes of a model")
        position = _end_of_dictionary(content, entries) + 8 * max(pruned, 0)
        position = _end_of_matrix(content, position, "input", words, dimension)
        position = _end_of_matrix(content, position, "output", labels, dimension)
        if position != size:
            raise ValueError(f"the file has {size} bytes, and its parts {position}")


def _end_of_dictionary(content: mmap.mmap, entries: int) -> int:
    position = _HEAD.size
    for number in range(entries):
        end = content.find(b"\0", position)
        if end < 0:
            raise ValueError(f"the dictionary ends after {number:,} of {entries:,} entries")
        position = end + 1 + AFTER_WORD
    return position


def _end_of_matrix(content: mmap.mmap, position: int, name: str, min_rows: int, dimension: int) -> int:
    """Where a matrix ends, which begins with a byte that is 0 unless it is quantized."""
    if position + 1 + _SHAPE.size > len(content):
        raise ValueError(f"the file ends before its {name} matrix")
    if content[position] != 0:
        raise ValueError("the model is quantized; BlazingText's are not")
    rows, columns = _SHAPE.unpack_from(content, position + 1)
    if rows < min_rows or columns != dimension:
        raise ValueError(f"the {name} matrix has {rows} rows and {columns} columns, not {min_rows} and {dimension}")
    end: int = position + 1 + _SHAPE.size + rows * columns * BYTES_PER_WEIGHT
    if end > len(content):
        raise ValueError(f"the file ends within its {name} matrix")
    return end
