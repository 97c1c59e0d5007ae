"""Engines that take exactly as long as they are told."""
