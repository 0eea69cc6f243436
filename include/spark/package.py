"""
What Spark needs of this product: a script, a zip archive of this package with nltk's data, and the requirements that
Glue 5.1 does not have.
"""

import hashlib
import io
import zipfile
from functools import cache
from pathlib import Path

from include.aws.storage import Storage
from include.tweets.punkt import NLTK_DATA

PACKAGE = Path(__file__).parents[1]
ARCHIVE, SCRIPT, REQUIREMENTS = "include.zip", "prepare.py", "requirements.txt"
_SAME_TIME = (1980, 1, 1, 0, 0, 0)
"""Of every file in the archive, so that the same code is the same bytes."""


@cache
def files() -> dict[str, bytes]:
    """The contents of archive, script and requirements, by their names."""
    return {
        ARCHIVE: _archive(),
        SCRIPT: b"from include.spark.job import main\n\nmain()\n",
        REQUIREMENTS: Path(__file__).with_name(REQUIREMENTS).read_bytes(),
    }


def _archive() -> bytes:
    entries = {path.relative_to(PACKAGE.parent): path for path in PACKAGE.rglob("*.py")}
    # At the root, where nltk looks for it in an archive.
    entries |= {path.relative_to(NLTK_DATA): path for path in NLTK_DATA.rglob("*") if path.is_file()}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(entries):
            archive.writestr(zipfile.ZipInfo(name.as_posix(), _SAME_TIME), entries[name].read_bytes())
    return content.getvalue()


def digest() -> str:
    """Of all the files."""
    return hashlib.sha256(b"".join(files()[name] for name in sorted(files()))).hexdigest()


def write(folder: Path) -> list[Path]:
    """Write the files into a folder; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in files().items():
        (folder / name).write_bytes(content)
        paths.append(folder / name)
    return paths


def upload(storage: Storage, prefix: str) -> dict[str, str]:
    """
    Upload the files, unless they are there already; return their URIs by their names.

    :param prefix: of all keys of the deployment
    """
    folder = f"{prefix}/spark/{digest()[:16]}/"
    for name, content in files().items():
        if not storage.exists(folder + name):
            storage.write_bytes(content, folder + name)
    return {name: storage.uri(folder + name) for name in files()}
