import datetime
import os
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import local_aws.store as store_module
from local_aws.store import DataDirectoryError, Store


def test_a_buckets_objects_go_with_it_whatever_the_order(tmp_path):
    store = Store(tmp_path / "data")
    for key in ("a/x", "a/y", "ab/x"):
        store.save("object", key, {})
    store.delete_below("object", "a/")

    assert [key for key, _ in store.documents("object")] == ["ab/x"]
    store.close()


@given(
    st.recursive(
        st.one_of(st.none(), st.integers(), st.text(max_size=5), st.datetimes(timezones=st.just(datetime.UTC))),
        lambda values: (
            st.lists(values, max_size=3)
            | st.dictionaries(st.one_of(st.text(max_size=5), st.sampled_from(["$datetime", "$$datetime", "$"])), values)
        ),
        max_leaves=10,
    )
)
def test_documents_come_back_as_they_were(value):
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "data")
        store.save("kind", "key", {"value": value})
        assert dict(store.documents("kind")) == {"key": {"value": value}}
        store.close()


def test_a_directory_that_cannot_be_used_is_an_error_that_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirectoryError, match="is a file, and a data directory is needed"):
        Store(tmp_path / "file")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "state.sqlite").write_text("no database at all, but long enough to be taken for one" * 20)
    with pytest.raises(DataDirectoryError, match="cannot be used as a data directory"):
        Store(tmp_path / "other")


def test_what_is_not_its_own_is_left_alone(tmp_path):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "notes.txt").write_text("mine")
    with pytest.raises(DataDirectoryError, match="holds other things; use an empty directory"):
        Store(tmp_path)
    other = tmp_path / "other"
    Store(other).close()
    with sqlite3.connect(other / "state.sqlite") as database:
        database.execute("PRAGMA user_version = 7")
    (other / "scratch" / "notes.txt").write_text("mine")
    with pytest.raises(DataDirectoryError, match="is of format 7, not 1"):
        Store(other)

    assert (tmp_path / "scratch" / "notes.txt").read_text() == (other / "scratch" / "notes.txt").read_text() == "mine"


def test_documents_keep_their_order_when_they_change(tmp_path):
    store = Store(tmp_path / "data")
    for key in "abca":
        store.save("kind", key, {"of": key})

    assert [key for key, _ in store.documents("kind")] == ["a", "b", "c"]
    store.close()


def test_contents_that_nothing_refers_to_are_removed_at_the_next_start(tmp_path):
    store = Store(tmp_path)
    kept, dropped = store.put_content(b"kept"), store.put_content(b"dropped")
    store.save("object", "a", {"content": kept}, [kept])
    store.close()

    store = Store(tmp_path)

    assert store.content(kept) == b"kept"
    with pytest.raises(FileNotFoundError):
        store.content(dropped)
    store.close()


def test_contents_that_nothing_refers_to_are_removed_after_a_gigabyte(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "BYTES_BETWEEN_SWEEPS", 1000)
    store = Store(tmp_path)
    kept, replaced, again = (store.put_content(content) for content in (b"kept", b"replaced", b"again"))
    store.save("object", "a", {}, [replaced])
    store.save("object", "a", {}, [kept])
    for content in (tmp_path / "contents").iterdir():
        os.utime(content, (0, 0))
    store.put_content(b"again")  # its document is not saved yet

    young = store.put_content(b"x" * 2000)

    assert {file.name for file in (tmp_path / "contents").iterdir()} == {kept, again, young}
    store.close()


def test_the_newest_log_lines_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "MAX_LOG_LINES", 10)
    monkeypatch.setattr(store_module, "LINES_BETWEEN_CUTS", 5)
    store = Store(tmp_path)
    for number in range(100):
        store.append_log("1", "r", "g", "s", [(number, f"line {number}")])

    assert [line[4] for line in store.log_lines()] == list(range(90, 100))
    store.close()
    store = Store(tmp_path)
    assert [line[4] for line in store.log_lines()] == list(range(90, 100))
    store.close()
