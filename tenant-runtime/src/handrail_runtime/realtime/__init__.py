"""The role realtime: sockets of the tenant's users over the gateways' links, and the tenant's read API.

`link` speaks with a gateway, `registry` knows who is attached, `delivery` decides and sends, `nudge_table` reads and
acknowledges, `presence` tells the agent who is there, `api/` answers the tenant's own questions.

Must not live here: what to say to a user, and when (that is the agent's); keys of the public door (the gateway's).
"""
