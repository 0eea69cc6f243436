# The official Airflow image with the locked requirements and this package in it.
ARG BASE_IMAGE=apache/airflow:3.3.2-python3.12
FROM ${BASE_IMAGE}

COPY --chown=airflow:0 requirements.txt /opt/airflow/requirements.txt
# --no-deps: the lock is complete, and a plain resolution of it fails (see its first lines).
RUN pip install --no-cache-dir --require-hashes --no-deps -r /opt/airflow/requirements.txt

ENV PYTHONPATH=/opt/airflow:/opt/airflow/plugins

COPY --chown=airflow:0 include /opt/airflow/include
COPY --chown=airflow:0 local_aws /opt/airflow/local_aws
COPY --chown=airflow:0 dags /opt/airflow/dags
COPY --chown=airflow:0 plugins /opt/airflow/plugins
