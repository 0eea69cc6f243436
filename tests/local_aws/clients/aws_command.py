"""The aws command line in forks of one process that has imported it, because that takes half a second."""

import os
import sys
from pathlib import Path

import awscli.clidriver


def main(arguments: list[str], environment: dict[str, str], output: Path, errors: Path) -> None:
    """Be ``python -m awscli`` with these arguments, in this environment."""
    os.environ.update(environment)
    for path, standard in ((output, 1), (errors, 2)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), standard)
    sys.argv = ["aws", *arguments]
    sys.exit(awscli.clidriver.main())
