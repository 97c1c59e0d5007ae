"""Recognisers: one file each, and a line in `registry`."""
