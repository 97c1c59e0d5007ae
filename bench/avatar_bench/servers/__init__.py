"""The services under measurement, wired with stand-in engines."""
