#!/bin/sh
# MWAA runs this in each container before Airflow starts. It exports the settings (docs/on-aws.md has all of them).
