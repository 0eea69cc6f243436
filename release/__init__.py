"""What is made for releases: bundles for managed Airflows, and a check of the locks for known vulnerabilities."""
