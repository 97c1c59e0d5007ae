"""Pure ASGI guards around the gateway: hosts, origins, keys, rates, sizes, headers."""

from gateway.edge.guard.auth import AuthMode, KeyRing, open_path
from gateway.edge.guard.binding import UnsafeBindingError, check_binding
from gateway.edge.guard.install import GuardConfig, Guards, install_guards
from gateway.edge.guard.throttle import ThrottleRates

__all__ = [
    "AuthMode",
    "GuardConfig",
    "Guards",
    "KeyRing",
    "ThrottleRates",
    "UnsafeBindingError",
    "check_binding",
    "install_guards",
    "open_path",
]
