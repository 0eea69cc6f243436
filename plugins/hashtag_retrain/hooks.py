"""AWS arguments that an operator passes on to its trigger and to hooks."""

from __future__ import annotations

from typing import Any


def hook_arguments(operator: Any) -> dict[str, Any]:
    """Arguments for a hook with the operator's connection, region and settings."""
    return {
        "aws_conn_id": operator.aws_conn_id,
        "region_name": operator.region_name,
        "verify": operator.verify,
        "config": operator.botocore_config,
    }
