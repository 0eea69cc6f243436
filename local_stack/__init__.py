"""A local AWS and a whole Airflow on this machine: for the demo, for `make up`, for the tests and for chaos."""
