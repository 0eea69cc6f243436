# The official Airflow image with the locked requirements and this package in it. `docker build .` makes Airflow's image,
# for deployments; the target local-aws is the local AWS's.
ARG BASE_IMAGE=apache/airflow:3.3.2-python3.12
FROM ${BASE_IMAGE} AS packages

COPY --chown=airflow:0 requirements.txt /opt/airflow/requirements.txt
# --no-deps: the lock is complete.
RUN pip install --no-cache-dir --require-hashes --no-deps -r /opt/airflow/requirements.txt

ENV PYTHONPATH=/opt/airflow:/opt/airflow/plugins


FROM packages AS local-aws

COPY --chown=airflow:0 requirements-local.txt /opt/airflow/requirements-local.txt
RUN pip install --no-cache-dir --require-hashes --no-deps -r /opt/airflow/requirements-local.txt

# A new volume gets the owner of the folder on which it is mounted.
RUN mkdir -p /opt/airflow/local-aws

COPY --chown=airflow:0 include /opt/airflow/include
COPY --chown=airflow:0 local_aws /opt/airflow/local_aws


FROM packages AS airflow

COPY --chown=airflow:0 include /opt/airflow/include
COPY --chown=airflow:0 dags /opt/airflow/dags
COPY --chown=airflow:0 plugins /opt/airflow/plugins
