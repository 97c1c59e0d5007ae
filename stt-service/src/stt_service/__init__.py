"""Audio in, words out: voice activity, endpointing, partials, transcripts."""
