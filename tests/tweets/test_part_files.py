import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.tweets.part_files import Folder, Object, is_part

FOLDER = "hashtags/aws/2026-01-07/labeled.csv"


def folder(*names: str) -> Folder:
    return Folder.of([Object(FOLDER + name, 1, "x") for name in names], FOLDER)


@pytest.mark.parametrize(
    "path",
    [
        "_SUCCESS",
        "_temporary/0/part-0.csv",
        "__magic/job-1/part-0.csv",
        ".spark-staging-1/part-0.csv",
        ".hive-staging_hive_2026/part-0.csv",
        "_spark_metadata/0",
        "_delta_log/0.json",
        "__MACOSX/part-0.csv",
        "batch=1_$folder$",
        ".part-0.csv.crc",
        "part-0.csv.crc",
        "part-0.csv._COPYING_",
        "batch=1/",
        "batch=1/_temporary/0/part-0.csv",
        "._part-0.csv",
        "part-0.csv.tmp",
    ],
)
def test_what_belongs_to_a_writer_holds_no_rows(path):
    assert not is_part(path)


@pytest.mark.parametrize("path", ["part-0.csv", "part-0.csv.gz", "batch=1/part-0.csv", "a b/ü.csv", "data"])
def test_everything_else_does_in_subfolders_too(path):
    assert is_part(path)


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["/part-0.csv"], None),
        (["/part-0.csv", "/_SUCCESS"], None),
        (["/part-0.csv", "/_SUCCESS", "/_temporary/0/part-1.csv"], None),
        ([""], None),
        (["/"], "there is no file with rows"),
        ([], "there is no file with rows"),
        (["/_SUCCESS"], "there is no file with rows"),
        (["/_temporary/0/part-0.csv"], "there is no file with rows"),
        ([".old/part-0.csv"], "there is no file with rows"),
        (
            ["/part-0.csv", "/_temporary/0/part-1.csv"],
            "a writer has not finished: there is .*/_temporary/0/part-1.csv, but no _SUCCESS",
        ),
        (["/part-0.csv", "/__magic/job-1/part-1.csv"], "a writer has not finished"),
        (["/part-0.csv", "/.spark-staging-7/part-1.csv"], "a writer has not finished"),
        (["/part-0.csv", "/.hive-staging_hive_1/part-1.csv"], "a writer has not finished"),
        (["/part-0.csv", "/part-1.csv._COPYING_"], "a writer has not finished"),
        (["/part-0.csv", "/_spark_metadata/0", "/_delta_log/0.json"], None),
        (["/part-0.csv", "/_temporary_$folder$", "/_temporary/", "/.hive-staging_1_$folder$"], None),
        (["//part-0.csv"], None),
        (["/part-0.csv", "/_started_77"], "a writer has not finished: .*/_started_77"),
        (["/part-0.csv", "/_started_77", "/_committed_77"], None),
        (["/part-0.csv", "/part-1.csv.filepart"], "a writer has not finished"),
        (["/part-1.csv.inprogress"], "there is no file with rows"),
    ],
)
def test_a_folder_is_complete_with_rows_and_no_writer_at_work(names, missing):
    assert re.fullmatch(f"{missing}.*", str(folder(*names).missing()))


def test_empty_files_hold_no_rows():
    """Spark writes one for each empty partition."""
    objects = [Object(f"{FOLDER}/{name}", 0, "x") for name in ("part-0.csv", "_SUCCESS")]
    found = Folder.of(objects, FOLDER)

    assert found.parts == []
    assert found.is_empty_for_good
    assert not Folder.of([Object(FOLDER, 0, "x")], FOLDER).parts


def test_with_the_success_marker_required_nothing_less_will_do():
    assert "require_success_marker" in folder("/part-0.csv").missing(require_success_marker=True)
    assert folder("/part-0.csv", "/_SUCCESS").missing(require_success_marker=True) is None


@given(st.lists(st.text(max_size=20)))
def test_any_names_can_be_listed(names):
    found = folder(*names)

    assert {part.key for part in found.parts} <= {FOLDER + name for name in names}
    assert (found.missing() is None) == bool(found.parts and (found.has_success_marker or not found.unfinished))
