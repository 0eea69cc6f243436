"""Word n-grams of instances as a sparse matrix, made by columns instead of tweet by tweet."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def ngram_matrix(instances: Sequence[str], max_length: int) -> "csr_matrix":
    """
    Which word n-grams occur in which instances.

    :param instances: tokens separated by spaces
    :param max_length: the maximum length of an n-gram, in words
    :return: a row for each instance, a column for each n-gram. A row has the same value wherever it is not 0, and
        length 1.
    """
    from scipy.sparse import csr_matrix

    rows, grams = _words(instances)
    words = grams
    all_rows, all_grams, columns = [rows], [grams], int(grams.max(initial=-1)) + 1
    for length in range(2, max_length + 1):
        # An n-gram is a shorter one and the next word, if that is in the same instance.
        rows, shorter, following = rows[:-1], grams[:-1], words[length - 1 :]
        inside = rows == all_rows[0][length - 1 :]
        rows, pairs = np.where(inside, rows, -1), shorter * (int(words.max(initial=0)) + 1) + following
        grams = np.unique(np.where(inside, pairs, -1), return_inverse=True)[1]
        all_rows.append(rows[inside])
        all_grams.append(grams[inside] + columns)
        columns += int(grams.max(initial=-1)) + 1
    positions = np.concatenate(all_rows), np.concatenate(all_grams)
    matrix = csr_matrix((np.ones(len(positions[0]), np.float32), positions), shape=(len(instances), columns))
    occurrences = np.diff(matrix.indptr)  # csr_matrix has added up those that repeat
    matrix.data = np.repeat(1 / np.sqrt(np.maximum(occurrences, 1)), occurrences).astype(np.float32)
    return matrix


def _words(instances: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The words of all instances in a row: each one's instance, and its number among the different words."""
    import pyarrow
    import pyarrow.compute

    split = pyarrow.compute.split_pattern(pyarrow.array(instances, pyarrow.string()), " ")
    numbers = split.values.dictionary_encode().indices.to_numpy().astype(np.int64)
    return np.repeat(np.arange(len(instances)), np.diff(split.offsets.to_numpy())), numbers
