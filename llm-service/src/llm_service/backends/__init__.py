"""What can answer a chat here, behind one small Protocol."""
