"""The only public door: key to tenant, limits, event intake, sockets held and relayed, tenant API relayed.

Must not live here: a database on the event path, knowledge of agents.
"""
