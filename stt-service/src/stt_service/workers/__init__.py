"""Child processes that do blocking work, and end with their parent."""
