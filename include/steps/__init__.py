"""The functions that the DAG wraps with task(): one file a task, each in terms of the other packages."""
