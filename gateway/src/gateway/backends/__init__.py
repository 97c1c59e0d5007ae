"""The engines as the gateway sees them: small Protocols, and their HTTP and WebSocket clients."""
