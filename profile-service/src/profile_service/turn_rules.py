"""Which of two writings of a turn is kept. Pure.

Of the rows below, the first that fits holds:

==============  ===========================  ==========================================
kept            arriving                     answer
==============  ===========================  ==========================================
closed, r       revision r, any epoch        kept: the first ``closed`` wins
epoch e         epoch < e                    refused: another gateway has the turn now
open, epoch e   epoch > e                    replaced: the new gateway does it again
revision r      revision < r                 kept
revision r      revision > r                 replaced, open or closed
open, r         revision r                   replaced
==============  ===========================  ==========================================

An utterance may have been made a turn in two conversations: a gateway that could not be asked for
the first one opened another. Epochs count within a conversation and say nothing here:

==============  ===========================  ==========================================
kept elsewhere  arriving                     answer
==============  ===========================  ==========================================
closed, r       closed, revision > r         replaced: the person has corrected it since
closed          any other                    kept
open            closed                       replaced: it was done there
open            open                         replaced by the one that was opened later
==============  ===========================  ==========================================

A turn that was given up (`LEFT`) counts as open: a record that comes after all replaces it.
"""

from typing import Literal, NamedTuple

State = Literal["open", "closed"]
Verdict = Literal["replace", "keep", "refuse"]

LEFT = "left"
"""The state of a turn that no gateway went on with. People read it as closed, gateways as open."""


class Writing(NamedTuple):
    """What decides about a writing of a turn."""

    revision: int
    state: State
    epoch: int


def judge(kept: Writing, arriving: Writing) -> Verdict:
    """What becomes of a writing where another one is kept already."""
    if kept.state == "closed" and arriving.revision == kept.revision:
        return "keep"
    if arriving.epoch < kept.epoch:
        return "refuse"
    if kept.state == "open" and arriving.epoch > kept.epoch:
        return "replace"
    return "replace" if arriving.revision >= kept.revision else "keep"


def judge_elsewhere(kept: Writing, arriving: Writing, *, later: bool) -> Literal["replace", "keep"]:
    """What becomes of a writing where its utterance is a turn of another conversation.

    Args:
        later: it was not opened before the one that is kept.
    """
    if kept.state == "closed":
        corrected = arriving.state == "closed" and arriving.revision > kept.revision
        return "replace" if corrected else "keep"
    return "replace" if arriving.state == "closed" or later else "keep"


def keeps_audio(
    side: Literal["user", "ai"], kept: Writing, arriving: Writing, store_audio: bool
) -> bool:
    """Whether audio that is kept stays when the replacement brings none.

    An edit or another gateway changes what was understood and answered, not what was said: the
    person's sound stays, the answer's goes with the answer.
    """
    if not store_audio:
        return False
    same_answer = (kept.revision, kept.epoch) == (arriving.revision, arriving.epoch)
    return side == "user" or same_answer
