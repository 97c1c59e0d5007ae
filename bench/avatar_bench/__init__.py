"""Measures AVATAR: stand-in engines, a real-time client, the floor, and the report."""
