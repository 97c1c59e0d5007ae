"""Worker processes: one kit for every service that does blocking work beside its event loop.

    frames.py    what both sides say to each other
    child.py     the worker's side: loads one engine, does jobs, ends when its socket closes
    process.py   the service's side of one process
    jobs.py      the answers to one job, bounded
    pool.py      a bounded pool: restarts, cancelling, waiting

It needs the standard library alone, because an engine may run in an environment of its own.
"""
