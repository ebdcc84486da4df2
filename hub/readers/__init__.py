"""Reader processes: GraphQL queries answered beside the hub's own process, on more than one core.

    client -> hub: HTTP, token, quotas -> a reader: document, plan, graph, computed fields -> hub -> client
                        ^                    |
                        +--------------------+   access records, inference guard, faces, readAfter: the hub's alone

A reader is a child of the hub with one channel to it, a socket pair that no other process can open. It reads the graph
over Bolt, and ledger and journal out of their files, for reading only. It writes nothing, holds no key and listens
nowhere. What must be one in the whole hub stays in the hub's process, and a reader asks for it over the channel: an
answer about a person leaves only after the hub has said that its access record is durable.
"""
