"""One file per command of `avatar`."""
