"""``python -m profile_service``: run the service by its settings."""

import os

from avatar_contract.service.serve import serve
from profile_service.app import NAME, build
from profile_service.settings import Settings

if __name__ == "__main__":
    settings = Settings()
    if hasattr(os, "nice"):
        # Nobody waits for a record, and somebody waits for each answer.
        os.nice(settings.niceness)
    serve(NAME, lambda: build(settings), settings)
