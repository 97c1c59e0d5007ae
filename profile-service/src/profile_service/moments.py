"""Moments as they are stored."""

from datetime import UTC, datetime

from avatar_contract.errors import BadMessage


def in_utc(moment: datetime) -> datetime:
    """`moment` in UTC; one that comes without a zone is taken to be so.

    Raises:
        BadMessage: it lies beyond the years that a calendar has.
    """
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise BadMessage("This moment lies outside of the calendar.") from error
