"""Runs llm-service: ``python -m llm_service``."""

import sys

from avatar_contract.service import serve
from llm_service.app import make_app
from llm_service.backends.registry import build
from llm_service.settings import Settings


def main() -> None:
    """Serves until stopped, or until the supervisor that started it is gone.

    Settings that can't work are refused with a sentence, not a traceback.
    """
    try:
        settings = Settings()
        build(settings)
    except ValueError as problem:
        sys.exit(f"llm-service: {problem}")
    serve("llm-service", lambda: make_app(settings), settings)


if __name__ == "__main__":
    main()
