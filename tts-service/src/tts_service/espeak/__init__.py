"""espeak-ng: the library (in a worker only) and the voice effect."""
