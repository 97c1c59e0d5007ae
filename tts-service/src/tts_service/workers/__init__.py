"""Engines in processes of their own: one pool, one small protocol, nothing left behind.

Each worker talks over one socket; when that closes, on either side, the worker ends.
Modules that a worker imports (`frames`, `child`) need only the standard library, because an
engine may run in an environment of its own.
"""
