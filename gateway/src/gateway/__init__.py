"""The only door: sockets, REST, admission and the turn."""
