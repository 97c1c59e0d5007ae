"""Is somebody speaking, and have they finished? Levels, voice activity, endpointing."""
