"""What faster-whisper and F5-TTS cost at their real sizes, with random weights."""
