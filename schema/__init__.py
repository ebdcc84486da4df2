"""What can be asked: Strawberry types with place, access rule and cost, and the ports that the hub implements.

Nothing is imported here: who needs an access rule or a port (`schema.access`, `schema.context`) does not load GraphQL.
"""
