"""What is done to words between recogniser, model and voice. Pure; no I/O."""
