"""
The CPU of Airflow's DAG processor for a hashtags file with many entries, and of a task's start.

As in Airflow, the process has imported what it needs before. The peers are as many DAGs of eleven Python tasks that do
nothing, and their parse for one of them.

    python -m benchmarks.many_hashtags --hashtags 500

Aims: the DAG file parses in less than ten CPU seconds, and a task start takes less than one beyond Airflow's own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from local_stack.settings import REPOSITORY

AIM_OF_PARSING, AIM_OF_TASK_START = 10.0, 1.0
ENTRY = (
    '{name}: {{labels: {{"0": technical, "1": marketing}}, owner: team, parameters: {{window_days: 7, epochs: 20}}}}\n'
)
PEER = """
from datetime import datetime
from airflow.sdk import DAG, chain, get_parsing_context, task

wanted = get_parsing_context().dag_id
for number in range({count}):
    dag_id = f"retrain_h{{number}}"
    if wanted in (None, dag_id):
        with DAG(dag_id, schedule=None, start_date=datetime(2026, 1, 1)):
            chain(*(task(task_id=f"task_{{number}}")(lambda: None)() for number in range(11)))
"""
MEASURE = """
import sys, time
from hashtag_retrain.preloading import IMPORTED_FOR_DAGS, import_all
import_all(IMPORTED_FOR_DAGS)
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

DagBag("/dev/null")
started = time.process_time()
dags = DagBag(sys.argv[1]).dags.values()
parsed = time.process_time()
for dag in dags:
    DagSerialization.to_dict(dag)
print(len(dags), parsed - started, time.process_time() - parsed)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n\n")[0])
    parser.add_argument("--hashtags", type=int, default=500)
    count = parser.parse_args().hashtags
    with tempfile.TemporaryDirectory(prefix="many-hashtags-") as folder:
        hashtags, peer = Path(folder) / "hashtags.yaml", Path(folder) / "peer.py"
        hashtags.write_text("".join(ENTRY.format(name=f"h{number}") for number in range(count)), encoding="utf-8")
        peer.write_text(PEER.format(count=count), encoding="utf-8")
        environment = {
            "AIRFLOW_HOME": folder,
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "0",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")]),
            "RETRAIN_HASHTAGS_FILE": str(hashtags),
        }
        product = str(REPOSITORY / "dags" / "retrain_hashtag.py")
        print(f"{'CPU seconds':<30}{'parse':>10}{'store':>10}")
        parsing = _measure(f"{count} hashtags", product, environment, expected=count)
        _measure(f"{count} empty DAGs", str(peer), environment, expected=count)
        one = {**environment, "_AIRFLOW_PARSING_CONTEXT_DAG_ID": "retrain_h7", "_AIRFLOW_PARSING_CONTEXT_TASK_ID": "x"}
        start = _measure("a task's start", product, one, expected=1)
        start_of_peer = _measure("that of an empty DAG", str(peer), one, expected=1)
    return 0 if parsing < AIM_OF_PARSING and start - start_of_peer < AIM_OF_TASK_START else 1


def _measure(what: str, file: str, environment: dict[str, str], expected: int) -> float:
    """Print the CPU seconds of a DAG file; return those of the parsing."""
    command = [sys.executable, "-c", MEASURE, file]
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, **environment}, check=True, stdout=subprocess.PIPE, text=True
    )
    count, parsed, stored = done.stdout.splitlines()[-1].split()
    if int(count) != expected:
        raise SystemExit(f"{file} has {count} DAGs, not {expected}")
    print(f"{what:<30}{float(parsed):>10.2f}{float(stored):>10.2f}")
    return float(parsed)


if __name__ == "__main__":
    sys.exit(main())
