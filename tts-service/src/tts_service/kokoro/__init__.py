"""Kokoro's parts: text to phonemes, the model, its voices, joined sound. Imported in a worker."""
