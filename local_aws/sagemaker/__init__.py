"""SageMaker's control plane, in the modules that moto's services have: models, responses, urls, exceptions."""
