"""Glue's jobs. A run is a process of spark-submit, which runs the script from S3 with PySpark."""
