"""
Write ``.env`` for docker compose, with fresh secrets, or check it: ``make env``, ``make env LOCAL=1``,
``make env-check``.

It needs Python's standard library alone, so that it runs where nothing is installed yet.
"""

import argparse
import base64
import os
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
LINE = re.compile(r"#?([A-Z][A-Z0-9_]*)=(.*)")
"""A variable in .env.example. An optional one stands behind a #."""
REQUIRED = (
    "AIRFLOW_FERNET_KEY",
    "AIRFLOW_JWT_SECRET",
    "AIRFLOW_API_SECRET_KEY",
    "AIRFLOW_DATABASE_PASSWORD",
    "AIRFLOW_UI_PASSWORD",
    "RETRAIN_BUCKET",
    "RETRAIN_ROLE_ARN",
)
LOCAL = {
    "COMPOSE_FILE": "docker-compose.yaml:docker-compose.edit.yaml",
    "COMPOSE_PROFILES": "local-aws",
    "AIRFLOW_WORKER_CONCURRENCY": "4",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_ENDPOINT_URL": "http://local-aws:4566",
    "RETRAIN_BUCKET": "local-tweets",
    "RETRAIN_ROLE_ARN": "arn:aws:iam::123456789012:role/local-sagemaker",
    "RETRAIN_BROWSER_ENDPOINT_URL": "http://127.0.0.1:4566",
    "RETRAIN_POLL_SECONDS": "1",
    "RETRAIN_RETRY_SECONDS": "3",
    "RETRAIN_HASHTAGS_FILE": "/opt/airflow/include/sample_data/hashtags.yaml",
}
"""For the profile local-aws."""


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    example, file = REPOSITORY / ".env.example", options.directory / ".env"
    if not options.check:
        try:
            write(file, filled(example.read_text(), fresh_secrets() | (LOCAL if options.local else {})))
        except FileExistsError:
            print(
                f"{file} exists, and stays as it is: its secrets open this Airflow's database. `make env-check` checks "
                "it. To begin anew, move it away.",
                file=sys.stderr,
            )
            return 1
        print(f"{file} is written, for you alone to read.")
    if not file.exists():
        print(f"There is no {file}; `make env` writes it.", file=sys.stderr)
        return 1
    findings = check(file.read_text(), example.read_text(), os.environ)
    print("\n".join(findings) or "Nothing is missing. Next: docker compose up --build --wait")
    return 1 if findings and options.check else 0


def fresh_secrets() -> dict[str, str]:
    """New secrets, of characters that a URL takes as they are."""
    return {
        "AIRFLOW_FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "AIRFLOW_JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW_API_SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW_DATABASE_PASSWORD": secrets.token_hex(24),
        "AIRFLOW_UI_PASSWORD": secrets.token_urlsafe(18),
    }


def filled(example: str, values: Mapping[str, str]) -> str:
    """.env.example with values. Its other lines stay, comments too."""
    lines = []
    for line in example.splitlines():
        found = LINE.fullmatch(line)
        lines.append(f"{found[1]}={values[found[1]]}" if found and found[1] in values else line)
    return "\n".join(lines) + "\n"


def write(file: Path, text: str) -> None:
    """
    Write a file that only its owner reads.

    :raises FileExistsError: there is such a file
    """
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)


def check(text: str, example: str, environment: Mapping[str, str]) -> list[str]:
    """
    What is wrong with .env, in words that repeat no value.

    :param environment: of the shell, whose variables docker compose prefers to those of .env
    """
    settings, known = variables(text), variables(example, optional=True)
    return [
        *(f"{name} has no value: fill it in in .env." for name in _missing(settings, environment)),
        *(
            f"{name} is in .env, and docker-compose.yaml does not read it. See .env.example."
            for name in sorted(settings.keys() - known.keys())
            if not name.startswith("COMPOSE_")  # docker compose's own
        ),
        *(
            f"{name} is exported in this shell, and so wins over .env. Otherwise: unset {name}"
            for name in known
            if environment.get(name, settings.get(name)) != settings.get(name)
        ),
    ]


def _missing(settings: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    return [name for name in REQUIRED if not (environment.get(name) or settings.get(name))]


def variables(text: str, optional: bool = False) -> dict[str, str]:
    """
    The variables of an environment file.

    :param optional: those behind a # as well
    """
    found = {}
    for line in text.splitlines():
        match = LINE.fullmatch(line.strip())
        if match and (optional or not line.startswith("#")):
            found[match[1]] = match[2].strip().strip("\"'")
    return found


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--local", action="store_true", help="for the local AWS with the sample tweets, ready to start")
    parser.add_argument("--check", action="store_true", help="write nothing; say what is wrong with .env")
    parser.add_argument("--directory", type=Path, default=REPOSITORY, help="of .env (default: the repository)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
