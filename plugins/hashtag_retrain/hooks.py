"""How an operator's AWS arguments travel to its trigger and to other hooks."""

from __future__ import annotations

from typing import Any


def hook_arguments(operator: Any) -> dict[str, Any]:
    """Arguments for a hook like the operator's own."""
    return {
        "aws_conn_id": operator.aws_conn_id,
        "region_name": operator.region_name,
        "verify": operator.verify,
        "config": operator.botocore_config,
    }
