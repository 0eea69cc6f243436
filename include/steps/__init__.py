"""The functions that the DAG wraps with task(), one file per task. They use the other packages."""
