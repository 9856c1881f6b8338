"""What a tenant keeps while a server is away: the pods that run, and what they get in with. Pure.

New pods might wait for what is not there. New credentials, or another address of a server, were not tried yet: a pod
that is started again meanwhile gets those it had. All else is repaired as ever.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.manifests.objects import sealed
from handrail_operator.reconcile import difference
from handrail_operator.reconcile.steps import Key, key

Object = dict[str, Any]
_RUNNING = (kinds.DEPLOYMENT, kinds.SERVICE, kinds.DISRUPTION_BUDGET, kinds.AUTOSCALER)


def held(wanted: Iterable[Object], standing: Mapping[Key, Object]) -> list[Object]:
    """Of the wanted objects, those that may be written now; a Deployment with the credentials that it stands with."""
    found = []
    for one in wanted:
        live = standing.get(key(one))
        if live is not None and kinds.of(one) == kinds.DEPLOYMENT:
            one = _with_credentials_of(live, one)
        if live is None or not _waits(one) or not difference.is_new(one, live):
            found.append(one)
    return found


def _waits(thing: Object) -> bool:
    if kinds.of(thing) == kinds.SECRET:
        # Others hold what customers are given, and nothing of servers.
        return names.LABEL_COMPONENT in thing["metadata"]["labels"]
    return kinds.of(thing) in _RUNNING


def _with_credentials_of(live: Object, wanted: Object) -> Object:
    template = wanted["spec"]["template"]
    annotations = dict(template["metadata"]["annotations"])
    before = (live["spec"]["template"]["metadata"].get("annotations") or {}).get(names.ANNOTATION_SECRETS)
    annotations[names.ANNOTATION_SECRETS] = before or annotations[names.ANNOTATION_SECRETS]
    template = template | {"metadata": template["metadata"] | {"annotations": annotations}}
    return sealed(wanted | {"spec": wanted["spec"] | {"template": template}})
