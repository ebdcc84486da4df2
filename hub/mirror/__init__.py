"""A log kept as a static folder that any web server can serve: made, checked, and what a hub serves for it."""
