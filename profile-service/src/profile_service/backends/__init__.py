"""Audio stores by name: a store is one file beside this one and a line here."""

from collections.abc import Callable
from pathlib import Path

from profile_service.backends.folder import FolderStore
from profile_service.backends.store import AudioStore

STORES: dict[str, Callable[[Path], AudioStore]] = {
    "folder": FolderStore,
}
