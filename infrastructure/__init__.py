"""What an AWS account needs before this product can run in it."""
