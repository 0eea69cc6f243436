"""``python -m release mwaa|astro|audit``: what `make mwaa`, `make astro` and `make audit` call."""

import argparse
import os
import sys
from pathlib import Path

from include.config.errors import ConfigurationError
from release import astro, audit, mwaa
from release.contents import deployed, write
from release.deployment import missing, settings
from release.mwaa import constraints

SETTINGS_IN = {"mwaa": "startup.sh", "astro": "Dockerfile"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m release", description="Bundles for managed Airflows.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, title in (("mwaa", "Amazon MWAA"), ("astro", "Astronomer")):
        command = commands.add_parser(name, help=f"write the bundle for {title}")
        command.add_argument("--out", type=Path, default=Path("dist", name), help="default: %(default)s")
        command.add_argument(
            "--hashtags",
            type=Path,
            default=os.environ.get("RETRAIN_HASHTAGS_FILE") or None,
            help="the hashtags file (default: include/hashtags.yaml)",
        )
        command.add_argument(
            "--rules",
            type=Path,
            default=os.environ.get("RETRAIN_COMPANY_RULES") or None,
            help="the company's rules (default: include/company.yaml, if there is one)",
        )
    commands.choices["mwaa"].add_argument(
        "--constraints", default=constraints.URL, help="where MWAA's constraints are published (default: %(default)s)"
    )
    command = commands.add_parser("audit", help="look for known vulnerabilities of the locked packages")
    command.add_argument("--service", default=audit.SERVICE, help="OSV's API (default: %(default)s)")
    options = parser.parse_args()
    if options.command == "audit":
        return audit.run(options.service)
    try:
        make_bundle(options)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def make_bundle(options: argparse.Namespace) -> None:
    """:raises ConfigurationError: there is a mistake in the hashtags, or MWAA would not install the requirements"""
    found = settings(os.environ)
    make = {"mwaa": mwaa.bundle, "astro": astro.bundle}[options.command]
    bundle = make(deployed(options.hashtags, options.rules), found)
    if options.command == "mwaa":
        check_constraints(bundle["requirements.txt"].decode(), options.constraints)
    write(bundle, options.out)
    size = sum(map(len, bundle.values())) / 1e6
    print(f"{options.out}: {len(bundle)} files, {size:.1f} MB. docs/deploying.md says where they go.")
    if missing(found):
        print(f"Fill in {' and '.join(missing(found))} in {options.out / SETTINGS_IN[options.command]}.")


def check_constraints(requirements: str, url: str) -> None:
    published = constraints.fetch(url)
    if published is None:
        print(f"{url} could not be reached. The requirements are compared with a copy of its decisive pins instead.")
    if found := constraints.conflicts(requirements, published or constraints.COPY.read_text()):
        raise ConfigurationError("\n".join([*found, "Compile the requirements again: make lock."]))


if __name__ == "__main__":
    sys.exit(main())
