"""A tenant's place in the shared servers: NATS account, database, Redis user, keys. Level-based and idempotent.

`provision_tenant` brings everything to what the spec and the plan ask for, whatever was there before; the same
secrets give the same doors again. Secrets are values: the caller keeps them (a folder, a Kubernetes Secret) before
they are put to use.
Must not live here: Kubernetes, files, tenant data.
"""
