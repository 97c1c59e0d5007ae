"""Voice profiles, conversations and audio files; the only part that talks to the database."""
