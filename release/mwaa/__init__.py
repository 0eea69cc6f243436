"""
The bundle for Amazon MWAA.

MWAA unpacks plugins.zip into Airflow's folder of plugins, which is on ``sys.path``; PYTHONPATH is reserved. So the
archive has ``include`` beside the plugins. Requirements are installed by pip on top of MWAA's own packages, under the
constraints of its Airflow. The startup script exports the settings to every component.
"""

from collections.abc import Mapping
from pathlib import Path

from release.contents import Files, below, zipped
from release.deployment import exports

FOLDER = Path(__file__).parent
AIRFLOW, PYTHON = "3.3.1", "3.12"
"""The newest of MWAA's images with Airflow 3.3, and its Python."""


def bundle(files: Files, settings: Mapping[str, str]) -> Files:
    """
    :param files: what a deployment needs of this repository
    :param settings: the product's settings
    """
    plugins = {name.removeprefix("plugins/"): content for name, content in below(files, "plugins", "include").items()}
    script = (FOLDER / "startup.sh").read_text() + exports(settings)
    return {
        **below(files, "dags"),
        "plugins.zip": zipped(plugins),
        "requirements.txt": (FOLDER / "requirements.txt").read_bytes(),
        "startup.sh": script.encode(),
    }
