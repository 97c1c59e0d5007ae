"""Pure functions on recognised text."""
