"""Makes a tenant from an OnboardingTenant, and keeps it so.

Lives here: provisioning of NATS accounts, databases, Redis users and keys; later reconcile and manifests.
Must not live here: tenant data, an HTTP API.
"""
