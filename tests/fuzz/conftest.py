"""
Readers of other people's bytes, with bytes that nobody would write. `make test` draws a few examples; `make fuzz` goes
on for MINUTES.
"""

from datetime import timedelta

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fuzz",
    max_examples=1000,
    deadline=timedelta(seconds=30),  # no reader may take so long for a few kilobytes
    derandomize=False,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
