"""``python -m stt_service``."""

from avatar_contract.service import serve
from stt_service.app import NAME, make_app
from stt_service.settings import SttSettings


def main() -> None:
    """Serves until told to stop."""
    settings = SttSettings()
    serve(NAME, lambda: make_app(settings), settings)


if __name__ == "__main__":
    main()
