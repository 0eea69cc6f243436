"""A local AWS and a whole Airflow on this machine, for the demo, `make up`, the tests and chaos."""
