"""The command `avatar`."""
