"""The product's settings, as a bundle writes them down."""

import shlex
from collections.abc import Mapping

REQUIRED = ("RETRAIN_BUCKET", "RETRAIN_ROLE_ARN")
_OF_ONE_MACHINE = {
    "RETRAIN_HASHTAGS_FILE",
    "RETRAIN_COMPANY_RULES",
    "RETRAIN_BROWSER_ENDPOINT_URL",
    "RETRAIN_ALLOWED_HOSTS",
}
"""Paths, an address and names that are others in a managed Airflow."""


def settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings of docs/on-aws.md that are in the environment. Of those that are required, empty ones too."""
    found = {name: value for name, value in environment.items() if name.startswith("RETRAIN_") and value}
    kept = {name: found[name] for name in sorted(found) if name not in _OF_ONE_MACHINE}
    return {**dict.fromkeys(REQUIRED, ""), **kept}


def missing(found: Mapping[str, str]) -> list[str]:
    return [name for name in REQUIRED if not found[name]]


def exports(found: Mapping[str, str]) -> str:
    """Lines of a shell script."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in found.items())


def environment_lines(found: Mapping[str, str]) -> str:
    """Lines of a Dockerfile, where a dollar sign names a variable even in quotes."""
    quoted = {
        name: value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") for name, value in found.items()
    }
    return "".join(f'ENV {name}="{value}"\n' for name, value in quoted.items())
