"""
The bundle for Astronomer: a project as ``astro deploy`` takes it.

The image of the Astro Runtime copies the project to /usr/local/airflow when it is built, and installs requirements.txt
on top of its own Airflow.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from release.contents import REPOSITORY, Files
from release.deployment import environment_lines

FOLDER = Path(__file__).parent


def bundle(files: Files, settings: Mapping[str, str]) -> Files:
    """
    :param files: what a deployment needs of this repository
    :param settings: the product's settings
    """
    dockerfile = (FOLDER / "Dockerfile").read_text() + environment_lines(settings)
    return {
        **files,
        "Dockerfile": dockerfile.encode(),
        "packages.txt": b"",
        "requirements.txt": _requirements().encode(),
    }


def _requirements() -> str:
    """The provider is not in the lock of what comes on top of Airflow, but the runtime's own may be older."""
    airflow = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]["airflow"]
    [provider] = [line for line in airflow if line.startswith("apache-airflow-providers-amazon")]
    return f"{(FOLDER / 'requirements.txt').read_text()}{provider}\n"
