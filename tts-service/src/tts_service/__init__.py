"""A clause and a voice in, PCM out."""
