"""IAM, where ``--enforce-iam`` asks for it: what a call needs, and whether its caller's policies grant it."""
