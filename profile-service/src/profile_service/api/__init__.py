"""Routes: they parse and encode, nothing else."""
