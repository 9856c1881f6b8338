"""A small but believable SaaS product to wander in, one look and one trade per tenant, with the snippet in its pages.

Lives here: the demo's own pages, wording, forms and state in memory; `python -m handrail_cli.demo`.
Must not live here: anything of the platform. This is a customer's product: all it knows of Handrail is a script tag.
"""
