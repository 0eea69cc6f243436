"""
Known vulnerabilities of the locked packages, as the database OSV has them (https://google.github.io/osv.dev/api/).

If OSV cannot be reached, or does not answer for every package, that has an exit code of its own: nothing is known then.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import requests

from release.contents import REPOSITORY

SERVICE = "https://api.osv.dev"
LOCKS = (
    "requirements.txt",
    "requirements-local.txt",
    "requirements-dev.txt",
    "include/spark/requirements.txt",
    "release/astro/requirements.txt",
    "release/mwaa/requirements.txt",
)
"""Not those of clients/: old clients, in environments that only tests use, are old by intention."""
_QUERIES_AT_ONCE = 1000
"""OSV's limit."""
_SECONDS = 30


class Exit(IntEnum):
    NOTHING_KNOWN = 0
    VULNERABLE = 1
    NO_ANSWER = 3


class NoAnswer(Exception):
    """OSV could not be reached, or its answer is not one for every package."""


@dataclass(frozen=True, order=True)
class Package:
    name: str
    version: str


class Osv:
    """OSV's API."""

    def __init__(self, service: str):
        self._service = service.rstrip("/")

    def vulnerabilities(self, packages: Iterable[Package]) -> dict[Package, list[str]]:
        """
        Ids of known vulnerabilities, of those packages that have any.

        :raises NoAnswer: not every package was answered for
        """
        found: dict[Package, list[str]] = {}
        waiting: list[tuple[Package, dict[str, str]]] = [(package, {}) for package in packages]
        while waiting:
            asked, waiting = waiting[:_QUERIES_AT_ONCE], waiting[_QUERIES_AT_ONCE:]
            for (package, _), (ids, next_page) in zip(asked, self._ask(asked), strict=True):
                if ids:
                    found.setdefault(package, []).extend(ids)
                if next_page:
                    waiting.append((package, {"page_token": next_page}))
        return found

    def _ask(self, queries: list[tuple[Package, dict[str, str]]]) -> list[tuple[list[str], str | None]]:
        """For each query, ids of vulnerabilities and the token of the next page."""
        body = [
            {"package": {"name": package.name, "ecosystem": "PyPI"}, "version": package.version, **page}
            for package, page in queries
        ]
        results = self._json("POST", "/v1/querybatch", json={"queries": body}).get("results")
        if not isinstance(results, list) or len(results) != len(queries) or not all(map(_is_result, results)):
            raise NoAnswer(f"{self._service} did not answer as OSV does, for each of {len(queries)} packages")
        return [
            ([found["id"] for found in result.get("vulns", [])], result.get("next_page_token")) for result in results
        ]

    def describe(self, id: str, package: Package) -> str:
        """The vulnerability in one sentence; only its id, if there is no more to be had."""
        try:
            about = self._json("GET", f"/v1/vulns/{id}")
        except NoAnswer:
            return id
        names = ", ".join([id, *about.get("aliases", [])])
        fixed = ", ".join(sorted(_fixed_versions(about, package)))
        return f"{names}: {about.get('summary') or 'no summary'}" + (f" (fixed in {fixed})" if fixed else " (no fix)")

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            response = requests.request(method, self._service + path, timeout=_SECONDS, **options)
            response.raise_for_status()
            answer = response.json()
        except requests.RequestException as error:
            raise NoAnswer(f"{self._service} could not be reached ({error})") from error
        if not isinstance(answer, dict):
            raise NoAnswer(f"{self._service} did not answer as OSV does")
        return answer


def _is_result(result: Any) -> bool:
    if not isinstance(result, dict) or not isinstance(result.get("vulns", []), list):
        return False
    return all(isinstance(found, dict) and isinstance(found.get("id"), str) for found in result.get("vulns", []))


def _fixed_versions(about: Mapping[str, Any], package: Package) -> set[str]:
    ranges = [
        range
        for affected in about.get("affected", [])
        if affected.get("package", {}).get("name", "").lower() == package.name
        for range in affected.get("ranges", [])
        if range.get("type") == "ECOSYSTEM"
    ]
    return {event["fixed"] for range in ranges for event in range.get("events", []) if "fixed" in event}


def locked(root: Path = REPOSITORY) -> dict[Package, list[str]]:
    """Every locked package, in each of its versions, with the locks that have it."""
    found: dict[Package, list[str]] = {}
    for lock in LOCKS:
        for name, version in re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", (root / lock).read_text(), re.MULTILINE):
            found.setdefault(Package(name, version), []).append(lock)
    return {package: sorted(set(locks)) for package, locks in sorted(found.items())}


def run(service: str) -> int:
    packages, osv = locked(), Osv(service)
    try:
        found = osv.vulnerabilities(packages)
    except NoAnswer as error:
        print(f"{error}.\nWhether any package has a known vulnerability is not known.", file=sys.stderr)
        return Exit.NO_ANSWER
    for package, ids in found.items():
        print(f"{package.name} {package.version}, in {', '.join(packages[package])}:")
        print(*(f"  {osv.describe(id, package)}" for id in ids), sep="\n")
    if found:
        return Exit.VULNERABLE
    print(f"{service} answered for all {len(packages)} packages: no vulnerability is known.")
    return Exit.NOTHING_KNOWN
