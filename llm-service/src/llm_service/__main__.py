"""Runs llm-service: ``python -m llm_service``."""

from avatar_contract.service import serve
from llm_service.app import make_app
from llm_service.settings import Settings


def main() -> None:
    """Serves until stopped, or until the supervisor that started it is gone."""
    settings = Settings()
    serve("llm-service", lambda: make_app(settings), settings)


if __name__ == "__main__":
    main()
