"""Resume tokens: random secrets, of which only a hash is kept.

A client gets ``secret.epoch``. The epoch counts the gateways that have held the session: one
that held it earlier, and still does, knows that its own is out of date.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from avatar_contract.records import ResumeGranted


def new_token() -> str:
    """192 random bits, in letters that a URL takes."""
    return secrets.token_urlsafe(24)


def secret_of(token: str) -> str:
    """The part that is hashed."""
    return token.partition(".")[0]


def epoch_of(token: str) -> int:
    """The epoch of the session that gave the token out; 0 where it says none."""
    epoch = token.partition(".")[2]
    return int(epoch) if epoch.isdecimal() else 0


def with_epoch(token: str, epoch: int) -> str:
    """The token as a client gets it."""
    return f"{secret_of(token)}.{epoch}"


def hash_token(token: str) -> str:
    """SHA-256 of the secret, as hex. It is random and long: a slow hash would add nothing."""
    return hashlib.sha256(secret_of(token).encode()).hexdigest()


def token_ends(life_s: float) -> datetime:
    """Until when a token that is used now holds."""
    return datetime.now(UTC) + timedelta(seconds=life_s)


class GrantsTokens(Protocol):
    """Who keeps tokens' hashes."""

    async def grant(self, session_id: UUID, token_hash: str, expires_at: datetime) -> None:
        """Raises NotFound or ProfileUnavailable."""


async def grant_resume(keeper: GrantsTokens, life_s: float, session_id: UUID) -> ResumeGranted:
    """One more token for a conversation that is kept. Raises NotFound or ProfileUnavailable."""
    token = new_token()
    await keeper.grant(session_id, hash_token(token), token_ends(life_s))
    return ResumeGranted(session_id=session_id, resume_token=token)
