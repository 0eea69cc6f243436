import subprocess
import sys
import zipfile

from include.spark import package

SCRIPT = """
import sys
sys.path.insert(0, {archive!r})
from include.tweets.tokens import instances, tokenize
import include.spark.job
assert include.spark.job.__file__.startswith({archive!r})
print(tokenize("Dr. Who can't wait. Really!"), instances(["One U.S. cent. Two."]))
"""


def test_the_archive_alone_is_enough_with_nltks_data(tmp_path):
    package.write(tmp_path)
    script = SCRIPT.format(archive=str(tmp_path / package.ARCHIVE))

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={"PATH": ""}, capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    assert done.stdout == ("['dr.', 'who', 'ca', \"n't\", 'wait', '.', 'really', '!'] ['one u.s. cent . two .']\n")


def test_the_same_code_is_the_same_bytes(tmp_path):
    first = package.files()
    package.files.cache_clear()

    assert package.files() == first
    assert len(first[package.ARCHIVE]) < 1_000_000


def test_an_upload_is_not_repeated(storage, tmp_path):
    uris = package.upload(storage, "p")
    times = [found.modified for found in storage.list_objects("p/spark/")]

    assert package.upload(storage, "p") == uris
    assert [found.modified for found in storage.list_objects("p/spark/")] == times
    assert [uri.rpartition("/")[2] for uri in uris.values()] == ["include.zip", "prepare.py", "requirements.txt"]
    archive = storage.download(storage.key_of(uris["include.zip"]), tmp_path / "include.zip")
    with zipfile.ZipFile(archive) as opened:
        assert "tokenizers/punkt_tab/english/ortho_context.tab" in opened.namelist()
