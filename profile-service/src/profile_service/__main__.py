"""``python -m profile_service``: run the service by its settings."""

from avatar_contract.service.serve import serve
from profile_service.app import NAME, build
from profile_service.settings import Settings

if __name__ == "__main__":
    settings = Settings()
    serve(NAME, lambda: build(settings), settings)
