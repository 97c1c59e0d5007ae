"""A corpus of conversations in sound, played to the real endpointing and the real reducer."""
