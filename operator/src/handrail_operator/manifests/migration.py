"""The Job that brings the tenant's database to the tables of this version, before any pod of it runs."""

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.manifests import pods
from handrail_operator.manifests.objects import child, digest
from handrail_operator.manifests.place import Manifest, Place

_TRIES = 3
_DEADLINE = 900
"""Seconds, all tries together, waiting for the database and for a node included."""
_KEPT = 600
"""Seconds for which a finished one can be looked at."""


def migration_key(place: Place) -> str:
    """What a database was brought up to: by which image, as which database, under whose credentials. Not at which
    address: a wrong one is no reason to think that its tables are missing."""
    credentials = [place.secrets.owner_login(), place.secrets.owner_password]
    return digest([place.installation.runtime.image, place.database_id, credentials])[:12]


def migration(place: Place) -> Manifest:
    """A Job's pods can never be changed, so its name tells of them, too: a run that cannot succeed for want of a
    toleration is followed by one that has it."""
    template = pods.migration(place)
    key = migration_key(place)
    return child(
        place,
        kinds.JOB,
        f"{names.MIGRATE}-{key}-{digest(template)[:8]}",
        component=names.MIGRATE,
        annotations={names.ANNOTATION_MIGRATED: key},
        spec={
            "backoffLimit": _TRIES,
            "activeDeadlineSeconds": _DEADLINE,
            "ttlSecondsAfterFinished": _KEPT,
            "template": template,
        },
    )
