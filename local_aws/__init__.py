"""
A local AWS for this pipeline: S3, SageMaker, SageMaker Runtime, CloudWatch Logs, IAM and STS on one URL.

moto serves everything but SageMaker. SageMaker is this package's own: training jobs really train, with fastText in a
process of their own, on the objects in S3; endpoints really answer, from the model's own bytes.
"""

import os

# moto would let every web page that a browser shows read and change everything; it looks at this when it is imported.
os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
