"""How like a synthesised voice is to its speaker: by embedding, and by ear."""
