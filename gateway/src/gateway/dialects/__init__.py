"""Encodings of a session for a wire. No pipeline code is in here: it stays in `session/`."""
