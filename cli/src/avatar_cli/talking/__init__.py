"""A client of `/ws/chat`: one turn after another, spoken from a file or typed."""
