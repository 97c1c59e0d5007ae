"""What stands between strangers and a session: decoding, limits, admission, guards."""
