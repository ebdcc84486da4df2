"""What can be asked: Strawberry types with place, access rule and cost, and the ports that the hub implements."""
