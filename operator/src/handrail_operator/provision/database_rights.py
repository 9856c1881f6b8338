"""What the app role may do inside a tenant's database. Looks before it writes."""

from typing import Any

from handrail_operator.provision.keyring import TenantSecrets

MARK = "handrail: rights set, 1"
"""A comment on the database. Another number when the rights below change, so that they are set anew."""

_ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_NUMBERS = ("USAGE", "SELECT")

_MISSING = """
    SELECT has_schema_privilege('public', 'public', 'USAGE')
        OR has_schema_privilege('public', 'public', 'CREATE')
        OR NOT has_schema_privilege($2, 'public', 'USAGE')
        OR EXISTS (
            SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
            AND NOT (has_table_privilege($2, oid, 'SELECT') AND has_table_privilege($2, oid, 'INSERT')
                     AND has_table_privilege($2, oid, 'UPDATE') AND has_table_privilege($2, oid, 'DELETE')))
        OR EXISTS (
            SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
            AND NOT (has_sequence_privilege($2, oid, 'USAGE') AND has_sequence_privilege($2, oid, 'SELECT')))
        OR ARRAY(
            SELECT (defaclobjtype::text || ' ' || entry.privilege_type) COLLATE "C"
            FROM pg_default_acl, aclexplode(defaclacl) AS entry
            WHERE defaclrole = $1::text::regrole AND defaclnamespace = 0 AND entry.grantee = $2::text::regrole
            ORDER BY 1
        ) <> $3::text[]
"""


async def ensure(connection: Any, tenant: TenantSecrets) -> None:
    """`connection` is into the tenant's database."""
    if await connection.fetchval(_MISSING, tenant.owner, tenant.app, _defaults()):
        await connection.execute(_grants(tenant))


def _defaults() -> list[str]:
    """What the app role gets on new objects, as `pg_default_acl` tells it: n schemas, r tables, S sequences."""
    given = {"n": ("USAGE",), "r": _ROWS, "S": _NUMBERS}
    return sorted(f"{kind} {right}" for kind, rights in given.items() for right in rights)


def _grants(tenant: TenantSecrets) -> str:
    owner, app = tenant.owner, tenant.app
    rows, numbers = ", ".join(_ROWS), ", ".join(_NUMBERS)
    return f"""
        REVOKE ALL ON SCHEMA public FROM PUBLIC;
        GRANT USAGE ON SCHEMA public TO "{app}";
        GRANT {rows} ON ALL TABLES IN SCHEMA public TO "{app}";
        GRANT {numbers} ON ALL SEQUENCES IN SCHEMA public TO "{app}";
        ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" GRANT USAGE ON SCHEMAS TO "{app}";
        ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" GRANT {rows} ON TABLES TO "{app}";
        ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" GRANT {numbers} ON SEQUENCES TO "{app}";
    """
