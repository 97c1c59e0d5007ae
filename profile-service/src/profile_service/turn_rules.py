"""Which of two writings of a turn is kept. Pure.

==============  ================  ==========================================
kept            arriving          answer
==============  ================  ==========================================
revision r      revision > r      replaced, open or closed
revision r      revision < r      kept
open, r         any, r            replaced
closed, r       any, r            kept: the first ``closed`` wins
==============  ================  ==========================================
"""

from typing import Literal

State = Literal["open", "closed"]


def replaces(kept: tuple[int, str], arriving: tuple[int, str]) -> bool:
    """Whether a writing ``(revision, state)`` replaces the one that is kept."""
    kept_revision, kept_state = kept
    revision, _ = arriving
    if revision != kept_revision:
        return revision > kept_revision
    return kept_state == "open"


def keeps_audio(
    side: Literal["user", "ai"], kept_revision: int, revision: int, store_audio: bool
) -> bool:
    """Whether audio that is kept stays when the replacement brings none.

    An edit changes what was understood, not what was said: the person's sound stays, the answer's
    goes with the answer.
    """
    if not store_audio:
        return False
    return side == "user" or revision == kept_revision
