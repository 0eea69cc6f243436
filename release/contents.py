"""The files that a deployment needs of this repository."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from include.config.company import load_rules
from include.config.errors import ConfigurationError
from include.config.hashtags import load_hashtags

REPOSITORY = Path(__file__).parents[1]
HASHTAGS, RULES = "include/hashtags.yaml", "include/company.yaml"
_SUFFIXES = {".py", ".yaml", ".json", ".jinja", ".tab", ".txt", ".md"}
_COMMAND_LINE = ("include/cli.py", "include/live/command.py", "include/samples.py", "include/sample_data/")
"""No DAG needs these."""
_SAME_TIME = (1980, 1, 1, 0, 0, 0)
"""Of every file in an archive, so that the same code is the same bytes."""
SHOWN_NAMES = 5
_READABLE = 0o644 << 16
"""The mode of a file, where an archive has it."""

Files = dict[str, bytes]
"""Contents by their paths in a bundle."""


def deployed(hashtags: Path | None = None, rules: Path | None = None) -> Files:
    """
    DAGs, plugins and include, without what only the command line uses.

    :param hashtags: the hashtags file to use instead of include/hashtags.yaml
    :param rules: the company's rules, if there are any; they become include/company.yaml
    :raises ConfigurationError: there is a mistake in one of them
    """
    paths = [path for folder in ("dags", "include", "plugins") for path in (REPOSITORY / folder).rglob("*")]
    found = {path.relative_to(REPOSITORY).as_posix(): path for path in sorted(paths) if _is_code_or_data(path)}
    files = {name: path.read_bytes() for name, path in found.items() if not name.startswith(_COMMAND_LINE)}
    if hashtags:
        files[HASHTAGS] = _checked(hashtags)
    if rules:
        load_rules(rules)
        files[RULES] = rules.read_bytes()
    return files


def _is_code_or_data(path: Path) -> bool:
    return path.is_file() and (path.suffix in _SUFFIXES or path.name == ".airflowignore")


def _checked(path: Path) -> bytes:
    if not path.is_file():
        raise ConfigurationError(f"There is no file {path}.")
    found = load_hashtags(path)
    if found.errors:
        raise ConfigurationError("\n".join(map(str, found.errors)))
    return path.read_bytes()


def below(files: Files, *folders: str) -> Files:
    """Those files that are in one of these folders."""
    return {name: content for name, content in files.items() if name.split("/")[0] in folders}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """An archive. Nothing is compressed: other versions of zlib would make other bytes of the same files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _SAME_TIME)
            entry.external_attr = _READABLE
            archive.writestr(entry, files[name])
    return content.getvalue()


def write(files: Files, folder: Path) -> None:
    """
    Write a bundle. Files of an earlier one, which this one does not have, are removed.

    :raises ConfigurationError: in the folder is something that no bundle has, and that must not be lost
    """
    _check_that_it_is_of_bundles(folder, files)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _check_that_it_is_of_bundles(folder: Path, files: Files) -> None:
    of_bundles = {name.split("/")[0] for name in files}
    if others := sorted(path.name for path in folder.glob("*") if path.name not in of_bundles):
        shown = ", ".join(others[:SHOWN_NAMES])
        raise ConfigurationError(
            f"{folder} contains what is not of a bundle: {shown}. Name a new folder (--out), or that of an earlier "
            "bundle."
        )
