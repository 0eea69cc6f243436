"""SageMaker's control plane, laid out as moto's services are: models, responses, urls, exceptions."""
