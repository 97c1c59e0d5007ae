"""Wire messages, audio formats and error codes of AVATAR, and the kit its services share."""
