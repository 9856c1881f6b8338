"""One tenant's runtime: the roles ingest, agent and realtime, and migrate. It knows one tenant only.

Must not live here: a list of tenants, Kubernetes.
"""
