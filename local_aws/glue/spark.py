"""The PySpark of this machine: where it is, what it lacks, and the command and environment of a run."""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local_aws import HOST

REPOSITORY = Path(__file__).parents[2]
SUBMIT = REPOSITORY / ".venv-spark" / "bin" / "spark-submit"
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "JAVA_HOME")
"""A script finds no more of this process's environment. PYTHONPATH would hide what its package lacks."""
CONFIGURATION = {
    # One JVM is driver and executors. It listens on this machine alone.
    "spark.log.level": "WARN",
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": HOST,
    "spark.driver.host": HOST,
}


@dataclass(frozen=True, slots=True)
class Spark:
    """
    How runs of Glue jobs are started.

    :param submit: the program that is called as spark-submit is; None for that of `make .venv-spark/.installed`
    """

    submit: Path | None = None
    cores: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))

    @property
    def program(self) -> Path:
        return self.submit or SUBMIT

    def missing(self) -> str | None:
        """What must be installed before a run can start; None if there is everything."""
        if not os.access(self.program, os.X_OK):
            return f"there is no {self.program}. `make .venv-spark/.installed` installs PySpark"
        if self.submit is None and _java() is None:
            return "there is no Java. Install Java 17 (Debian: openjdk-17-jre-headless), or set JAVA_HOME"
        return None

    def unmet(self, requirements: Iterable[Requirement]) -> list[str]:
        """Those requirements that the environment of the program does not have. Nothing is installed for a run."""
        folders = map(str, self.program.parent.parent.glob("lib/python*/site-packages"))
        found = {canonicalize_name(known.name): known.version for known in distributions(path=list(folders))}
        versions = {needed: found.get(canonicalize_name(needed.name)) for needed in requirements}
        return [
            f"{needed} (it has {version or 'none'})"
            for needed, version in versions.items()
            if version is None or not needed.specifier.contains(version, prereleases=True)
        ]

    def command(
        self, script: Path, py_files: Iterable[Path], more: Mapping[str, str], arguments: list[str]
    ) -> list[str]:
        """:param more: Spark's configuration beside that of every run"""
        options = [f"--conf={name}={value}" for name, value in {**CONFIGURATION, **more}.items()]
        files = ",".join(map(str, py_files))
        packages = ["--py-files", files] if files else []
        master = ["--master", f"local[{self.cores}]"]
        return [str(self.program), *master, *options, *packages, str(script), *arguments]

    def environment(self, folder: Path, url: str, region: str) -> dict[str, str]:
        """
        :param folder: of the run
        :param url: of the local AWS
        """
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        python = self.program.parent / "python"
        of_spark = {"PYSPARK_PYTHON": str(python), "PYSPARK_DRIVER_PYTHON": str(python)} if python.exists() else {}
        return {
            **inherited,
            **of_spark,
            "SPARK_LOCAL_DIRS": str(folder),
            "SPARK_LOCAL_IP": HOST,
            "AWS_ENDPOINT_URL": url,
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "AWS_ACCESS_KEY_ID": "glue",
            "AWS_SECRET_ACCESS_KEY": "glue",
        }


def _java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
