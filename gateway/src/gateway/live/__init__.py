"""What keeps sessions running: it performs the core's effects, and outlives a client's socket."""
