"""Timed claims, each as a ratio against a peer in the same run: ``make benchmarks``. Not part of the tests."""
