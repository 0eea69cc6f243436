"""
A local AWS: S3, SageMaker, SageMaker Runtime, Glue's jobs, CloudWatch, CloudWatch Logs, IAM and STS on one URL.

moto serves everything but SageMaker and Glue. These are implemented here: training jobs train with fastText, in a
process of their own, on the objects in S3; endpoints answer with the predictions of the trained model; runs of Glue's
jobs run their scripts with PySpark.
"""

import os

HOST, PORT = "127.0.0.1", 4566
ADMIN_PATH = "/_local/"
"""The admin API and its page are below this path."""

# Without this, moto lets every web page in a browser read and change everything. moto reads it when it is imported.
os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
