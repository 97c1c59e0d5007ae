"""Starting, watching and stopping the services of one copy of AVATAR on this machine."""
