"""What the roles may do that services of AWS assume: everything, unless ``--enforce-iam`` asks IAM."""


class Access:
    """Every role may do everything."""

    def role_may(self, role_arn: str, operation: str, bucket: str, key: str) -> bool:
        """
        Whether a role that SageMaker has assumed may do something to S3.

        :param operation: S3's name of the operation
        :param key: of the object, or the prefix of ListObjectsV2
        """
        return True
