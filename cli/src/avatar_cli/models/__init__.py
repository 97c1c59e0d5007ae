"""Weights of the real engines: what there is, fetching, checking, and carrying them by hand."""
