"""Which tenant sells what."""

from handrail_cli.demo import invoicing, workspace
from handrail_cli.demo.product import Product

_OWN = {"acme": workspace.PRODUCT, "globex": invoicing.PRODUCT}


def product_of(tenant: str) -> Product:
    """The tenant's own product; a workspace for tenants of other names."""
    return _OWN.get(tenant, workspace.PRODUCT)
