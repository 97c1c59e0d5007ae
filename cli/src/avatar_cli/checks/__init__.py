"""What `avatar doctor` looks at, one file a subject."""
