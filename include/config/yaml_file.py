"""A YAML file that people write: its nodes, the lines of its keys, and errors that name file, line and key."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from include.config.errors import ConfigurationError
from include.config.yaml_bounds import check_bounds

MAX_DEPTH = 5
"""Lines are noted for keys down to this depth. It stops the recursion at an anchor that contains itself."""
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader in C, if PyYAML has it: every task start reads the whole file."""
MAX_KEY = 140
"""Characters of a key in a message. The keys of tags are the longest."""
KeyPath = tuple[str, ...]


def compose(path: Path) -> yaml.Node | None:
    """
    The file's nodes, which know their lines; None if the file is empty.

    :raises ConfigurationError: it cannot be read, is not YAML, or would fill the memory
    """
    try:
        text = path.read_text(encoding="utf-8")
        check_bounds(text, LOADER)
        root: yaml.Node | None = yaml.compose(text, Loader=LOADER)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8: {error}") from None
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
        where = f"{path}, line {mark.line + 1}" if mark is not None else str(path)
        has_tab = mark is not None and "\t" in "".join(text.split("\n")[mark.line : mark.line + 1])
        advice = "Replace the tab by spaces." if has_tab else "Correct this line or the one above."
        raise ConfigurationError(
            f"{where}: not valid YAML: {problem}. {advice} Until then no hashtag has a DAG."
        ) from None
    return root


def lines_of_keys(path: Path, node: yaml.MappingNode, prefix: KeyPath = ()) -> dict[KeyPath, int]:
    """
    The line of each key below a node, by the key's path.

    :param prefix: the path of the node itself, for messages
    :raises ConfigurationError: a key is defined twice, which YAML itself allows
    """
    lines: dict[KeyPath, int] = {}
    _note_lines(path, node, (), lines, prefix)
    return lines


def _note_lines(
    path: Path, node: yaml.MappingNode, parent: KeyPath, lines: dict[KeyPath, int], prefix: KeyPath
) -> None:
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        here = (*parent, key.value)
        line = key.start_mark.line + 1
        if here in lines and key.tag != "tag:yaml.org,2002:merge":
            raise error_in(path, here, {here: line}, "is defined twice; remove one", prefix)
        lines[here] = line
        if isinstance(value, yaml.MappingNode) and len(here) < MAX_DEPTH:
            _note_lines(path, value, here, lines, prefix)


def error_in(
    file: Path, path: KeyPath, lines: Mapping[KeyPath, int], message: str, prefix: KeyPath = ()
) -> ConfigurationError:
    """An error with the line of the key, or of the closest key above it whose line is known."""
    line = next((lines[path[:length]] for length in range(len(path), -1, -1) if path[:length] in lines), 1)
    return ConfigurationError(f"{file}, line {line}, {'.'.join(map(_shown, (*prefix, *path)))}: {message}")


def _shown(key: str) -> str:
    """A key in a message: on one line, and not long."""
    shown = key if key.isprintable() else repr(key)
    return shown if len(shown) <= MAX_KEY else f"{shown[:MAX_KEY]}…"
