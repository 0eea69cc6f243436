"""What RETRAIN_NOTIFIER names in the end-to-end tests: it writes where the environment says."""

import json
import os
from pathlib import Path

FILE = "PAGER_FILE"


def page(subject: str, message: str) -> None:
    with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:
        file.write(json.dumps([subject, message]) + "\n")


def pages(file: Path) -> list[tuple[str, str]]:
    """What was written: subject and message."""
    return [tuple(json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
