"""Kills, cuts, outages, restarts and hangs, while people talk."""
