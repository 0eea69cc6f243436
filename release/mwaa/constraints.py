"""
The constraints under which MWAA installs requirements: those of its Airflow, which Airflow's project publishes.

constraints.txt has the pins that decide. The whole file is fetched to compare them, where the network allows it.
"""

import re
from pathlib import Path

import requests

from release.mwaa import AIRFLOW, PYTHON

COPY = Path(__file__).with_name("constraints.txt")
URL = f"https://raw.githubusercontent.com/apache/airflow/constraints-{AIRFLOW}/constraints-{PYTHON}.txt"
_SECONDS = 5


def pins(text: str) -> dict[str, str]:
    """Versions by the normalised names of packages, from lines like ``name==1.2``."""
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def fetch(url: str = URL) -> str | None:
    """Airflow's constraints; none if they cannot be had now, or if another page answers, such as a proxy's."""
    try:
        response = requests.get(url, timeout=_SECONDS)
        response.raise_for_status()
    except requests.RequestException:
        return None
    return response.text if pins(response.text) else None


def conflicts(requirements: str, constraints: str) -> list[str]:
    """What pip would not install, one sentence for each package."""
    allowed = pins(constraints)
    return [
        f"{name}: the bundle has {version}, and MWAA's constraints {allowed[name]}."
        for name, version in pins(requirements).items()
        if allowed.get(name, version) != version
    ]
