"""One client for each service behind the gateway, for the turn and for REST alike."""
