"""Preparation on Spark: AWS Glue, EMR Serverless, or any other cluster."""
