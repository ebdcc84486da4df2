"""The world: HTTP, Bolt, storage, county node, settings and the command line."""
