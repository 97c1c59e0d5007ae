"""Backup and restore: rows and audio that agree, taken while the service runs.

::

    DEST/audio/raw/3f/….ogg            every file once, by its key: files never change
    DEST/snapshots/20260504T120000Z/   manifest.json, rows.jsonl.gz, files.gz

The rows are portable: what was kept on SQLite can be restored into Postgres, and back. What follows
from other rows (the search) is not in a backup; it is made anew.
"""
