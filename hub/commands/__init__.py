"""The command tree, one file a group."""
