"""Real weights on real speech: `make bench-real`."""
