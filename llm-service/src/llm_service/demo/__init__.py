"""The demo responder: pure functions from a conversation and a moment in time to an answer."""
