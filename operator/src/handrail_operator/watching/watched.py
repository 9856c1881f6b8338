"""Which kinds are watched over the whole cluster, and what of them."""

from handrail_contracts import names
from handrail_operator.kube.kinds import NAMESPACE, TENANT, WATCHED, Kind

CHILDREN = (NAMESPACE, *WATCHED)
KINDS = (TENANT, *CHILDREN)


def selector(kind: Kind) -> str:
    """What of a kind is watched, by labels."""
    return "" if kind == TENANT else names.LABEL_TENANT
