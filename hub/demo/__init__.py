"""The demo: an alliance of real processes on one machine, and the story that `tongban demo` tells with it."""
