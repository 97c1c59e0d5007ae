"""``python -m tts_service``."""

from avatar_contract.service import serve
from tts_service.app import NAME, build_app
from tts_service.settings import TtsSettings


def main() -> None:
    """Serves until told to stop."""
    settings = TtsSettings()
    serve(NAME, lambda: build_app(settings), settings)


main()
