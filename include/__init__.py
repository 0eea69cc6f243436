"""The pipeline's logic, without Airflow: what the DAGs of dags/ call and what runs on its own."""

__version__ = "0.1.0"
