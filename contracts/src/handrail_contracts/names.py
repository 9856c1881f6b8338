"""Every name that two rooms must spell alike. No f-string key, label or bucket name is made elsewhere."""

import re

GROUP = "handrail.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "OnboardingTenant"

TENANT_NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$"
"""A DNS label of at most 40 characters, so that `handrail-<name>` and child names stay within 63."""
_TENANT_NAME = re.compile(TENANT_NAME_PATTERN)

LABEL_TENANT = f"{GROUP}/tenant"
LABEL_USE = f"{GROUP}/use"
USE_TENANT = "tenant"  # a Secret that the tenant's spec may name
USE_PLATFORM = "platform"  # a Secret that the operator made
LABEL_NAME = "app.kubernetes.io/name"
LABEL_COMPONENT = "app.kubernetes.io/component"
LABEL_VERSION = "app.kubernetes.io/version"
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"

FIELD_MANAGER = "handrail-operator"
DASHBOARD_MANAGER = "handrail-dashboard"
FINALIZER = f"{GROUP}/deprovision"
UNUSED_FINALIZER = f"{GROUP}/unused"  # Kopf wants one to call its own; nothing carries it
ANNOTATION_APPLIED = f"{GROUP}/applied"  # digest of the manifest as it was applied last
ANNOTATION_DATABASE = f"{GROUP}/database"  # of a tenant's namespace: which database it was given
ANNOTATION_MIGRATED = f"{GROUP}/migrated"  # as above: what that was last brought up to (see manifests.migration)
ANNOTATION_SECRETS = f"{GROUP}/secrets"  # digest of what a pod's Secrets held when it was made
ANNOTATION_ROTATE = f"{GROUP}/rotate"  # on the tenant: another value asks for new credentials
ANNOTATION_PAUSED = f"{GROUP}/paused"  # on the tenant: "true" keeps the operator's hands off

RUNTIME_PORT = 8080
"""Of every role: probes, metrics, API and link."""
RUNTIME_SECRETS_FOLDER = "/var/run/handrail/secrets"
RUNTIME_ACCOUNT = "handrail-runtime"  # service account of tenants' pods
ALL_ROLES = "runtime"  # component of a process that runs all roles
MIGRATE = "migrate"
REALTIME_SERVICE = "realtime"  # headless, in the tenant's namespace

PLATFORM_FILE = "platform.json"  # in the operator's secrets folder: PlatformSecrets
POSTGRES_URL_FILE = "postgres-url"  # as above: an administrator's
ADMIN_REDIS_URL_FILE = "admin-redis-url"  # as above
SMTP_URL_FILE = "smtp-url"  # as above, may be missing; and the key in the Secret of a role that sends mail
KEYRING_KEY = "keyring.json"  # in a keyring Secret: TenantSecrets

KEYS_SECRET = "handrail-keys"  # noqa: S105 - the name of a Kubernetes Secret, not a secret
IDENTITY_SECRET = "handrail-identity"  # noqa: S105 - as above
REGISTRY_SECRET = "handrail-registry"  # noqa: S105 - as above: for pulling the runtime's image

# Secrets of the platform's namespace, made once by `handrail-operator bootstrap`
PLATFORM_SECRET = "handrail-platform"  # noqa: S105 - the name of a Secret: PLATFORM_FILE
GATEWAY_SECRET = "handrail-gateway"  # noqa: S105 - as above: the gateway's files
NATS_SECRET = "handrail-nats"  # noqa: S105 - as above: what a NATS server must be started with
POSTGRES_SECRET = "handrail-postgres"  # noqa: S105 - as above, of a PostgreSQL that comes with the chart
VALKEY_SECRET = "handrail-valkey"  # noqa: S105 - as above, of a Valkey that comes with the chart

# NATS, platform account
TENANTS_BUCKET = "tenants"  # key: tenant name, value: TenantRecord
KEY_USE_BUCKET = "key-use"  # key: key id, value: RFC 3339 of the last use, at most one write a minute
# NATS, each tenant's account
CONFIG_BUCKET = "config"  # key: EFFECTIVE_CONFIG, value: EffectiveConfig
EFFECTIVE_CONFIG = "effective"
EVENTS_STREAM = "EVENTS"
SIGNALS_STREAM = "SIGNALS"
INGEST_CONSUMER = "ingest"
AGENT_CONSUMER = "agent"

ROLES = ("ingest", "agent", "realtime")

# Files in a runtime's secrets folder (HANDRAIL_SECRETS)
DATABASE_URL_FILE = "database-url"  # app role
OWNER_DATABASE_URL_FILE = "owner-database-url"  # owner role, for migrate alone
REDIS_URL_FILE = "redis-url"
PRINCIPAL_KEYS_FILE = "principal-keys.json"  # JWK set, public Ed25519 keys, newest first
# Files in the gateway's secrets folder
GATEWAY_CREDS_FILE = "nats.creds"
USER_TOKEN_KEYS_FILE = "user-token-keys.json"  # noqa: S105 - JWK set, oct keys, newest first
PRINCIPAL_SIGNING_KEYS_FILE = "principal-signing-keys.json"  # JWK set, private Ed25519 keys, newest first

HEADER_API_KEY = "X-API-Key"
HEADER_REQUEST_ID = "X-Request-ID"
HEADER_PRINCIPAL = "X-Handrail-Principal"
HEADER_TRACEPARENT = "traceparent"
HEADER_DEAD_LETTER = "Handrail-Dead-Letter"  # of a NATS message that puts one back: its id

ANONYMOUS_PATTERN = r"^anon-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_ANONYMOUS = re.compile(ANONYMOUS_PATTERN)


def creds_file(role: str) -> str:
    """The NATS credentials of one role, in a runtime's secrets folder."""
    return f"nats-{role}.creds"


def secret_ref_file(name: str, key: str) -> str:
    """The value that a secret reference of the spec means, in a runtime's secrets folder. Neither part holds a `/`."""
    return f"refs/{name}/{key}"


def is_tenant_name(text: str) -> bool:
    return _TENANT_NAME.fullmatch(text) is not None


def is_anonymous(user_id: str) -> bool:
    """Whether a user id has the exact form `anon-<uuid>`, which needs no proof of identity."""
    return _ANONYMOUS.fullmatch(user_id) is not None


def namespace(tenant: str) -> str:
    return f"handrail-{tenant}"


def keyring_secret(tenant: str) -> str:
    """In the platform's namespace: everything random about the tenant; outlives it where data is retained."""
    return f"handrail-tenant-{tenant}"


def role_secret(component: str) -> str:
    """In the tenant's namespace: the secret files of one role, of `ALL_ROLES`, or of `MIGRATE`."""
    return f"handrail-{component}"


def is_platform_secret(name: str) -> bool:
    """Whether the operator makes a Secret of this name in a tenant's namespace, which no spec may refer to."""
    return name in (KEYS_SECRET, IDENTITY_SECRET, REGISTRY_SECRET, *map(role_secret, (*ROLES, ALL_ROLES, MIGRATE)))


def realtime_url(namespace: str) -> str:
    """Where the gateway finds a tenant's realtime instances: the name resolves to all of them."""
    return f"http://{REALTIME_SERVICE}.{namespace}.svc:{RUNTIME_PORT}"


def redis_prefix(tenant: str) -> str:
    """The braces keep one tenant's keys in one cluster slot."""
    return f"{{{tenant}}}:"


def session_key(prefix: str, user_id: str) -> str:
    return f"{prefix}session:{user_id}"


def presence_key(prefix: str, user_id: str) -> str:
    return f"{prefix}presence:{user_id}"


def due_key(prefix: str) -> str:
    """The sorted set of sessions by the time at which they count as inactive."""
    return f"{prefix}due:inactivity"
