"""One socket's listening: frames and commands in, events out."""
