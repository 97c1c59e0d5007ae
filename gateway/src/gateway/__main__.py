"""``python -m gateway`` runs the gateway."""

import sys

from avatar_contract.errors import AvatarError
from avatar_contract.service import serve
from gateway.app import make_app
from gateway.edge.guard.binding import UnsafeBindingError, check_binding
from gateway.settings import Settings

_WS_MAX_BYTES = 16 * 2**20
"""A 10 MiB payload in base64 has to reach the check that names its error."""


def main() -> None:
    """Refuses unsafe settings with a sentence, not a traceback."""
    settings = Settings()
    try:
        published = settings.published_on_loopback
        check_binding(settings.auth, settings.host, published_on_loopback=published)
        app = make_app(settings)
    except (UnsafeBindingError, AvatarError, ValueError) as error:
        sys.exit(f"gateway: {error}")

    async def drain() -> None:
        await app.state.sessions.drain()

    serve(
        "gateway",
        lambda: app,
        settings,
        ws_max_bytes=_WS_MAX_BYTES,
        drain=drain,
        drain_s=settings.drain_s,
    )


if __name__ == "__main__":
    main()
