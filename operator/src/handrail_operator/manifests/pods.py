"""The pods: one container of the runtime's image, with no rights, no token, and its secrets as files."""

from typing import Any

from handrail_contracts import names
from handrail_operator.manifests.place import Manifest, Place
from handrail_operator.manifests.secrets import credentials_digest, files, references, variables
from handrail_operator.manifests.sizes import Size, resources

_USER = 10001
_DRAIN = 5
"""Seconds an instance goes on serving while the word spreads that it is no longer there."""
_END_WITHIN = 8
"""Seconds in which the runtime ends by itself, whatever hangs (its `main.END_WITHIN`)."""
_GRACE = _DRAIN + _END_WITHIN + 7
_MODE = 0o440
"""The files belong to root and to the pod's group."""


def selector(place: Place, component: str) -> dict[str, str]:
    """By which a Deployment knows its pods; it can never be changed."""
    return {names.LABEL_TENANT: place.name, names.LABEL_COMPONENT: component}


def runtime(place: Place, size: Size) -> Manifest:
    """Template of a Deployment's pods."""
    command = ["python", "-m", "handrail_runtime", "run", "--roles", ",".join(size.roles)]
    container = _container(place, size.component, command, _environment(place, size)) | _probes()
    if "realtime" in size.roles:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": _DRAIN}}}
    spec = _spec(place, container, _folder(size.component, list(files(place, size)), references(place, size)))
    spec |= {"terminationGracePeriodSeconds": _GRACE, "topologySpreadConstraints": _spread(place, size.component)}
    metadata = {
        "labels": _labels(place, size.component),
        "annotations": {names.ANNOTATION_SECRETS: credentials_digest(place, size)},
    }
    return {"metadata": metadata, "spec": spec}


def migration(place: Place) -> Manifest:
    """Template of the migration's pod."""
    command = ["python", "-m", "handrail_runtime", "migrate"]
    container = _container(place, names.MIGRATE, command, _settings(place))
    spec = _spec(place, container, _folder(names.MIGRATE, sorted(place.provisioned.owner_files), {}))
    return {
        "metadata": {"labels": _labels(place, names.MIGRATE)},
        # Kept when it fails: its log says why.
        "spec": spec | {"restartPolicy": "Never"},
    }


def _labels(place: Place, component: str) -> dict[str, str]:
    return place.labels(component) | {names.LABEL_VERSION: place.version_label}


def _spec(place: Place, container: Manifest, folder: Manifest) -> Manifest:
    given = place.installation.runtime
    spec: dict[str, Any] = {
        "serviceAccountName": names.RUNTIME_ACCOUNT,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [folder, {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
    }
    if given.pull_secrets:
        spec["imagePullSecrets"] = [{"name": names.REGISTRY_SECRET}]
    if given.node_selector:
        spec["nodeSelector"] = dict(given.node_selector)
    if given.tolerations:
        spec["tolerations"] = [dict(one) for one in given.tolerations]
    if given.priority_class:
        spec["priorityClassName"] = given.priority_class
    return spec


def _container(place: Place, component: str, command: list[str], environment: list[Manifest]) -> Manifest:
    given, size = place.installation.runtime, resources(place, component)
    return {
        "name": component,
        "image": given.image,
        "imagePullPolicy": given.pull_policy,
        "command": command,
        "env": environment,
        "resources": {"requests": {"cpu": size.cpu, "memory": size.memory}, "limits": {"memory": size.memory}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": "secrets", "mountPath": names.RUNTIME_SECRETS_FOLDER, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
        ],
    }


def _settings(place: Place) -> list[Manifest]:
    return [
        {"name": "HANDRAIL_TENANT", "value": place.name},
        {"name": "HANDRAIL_SECRETS", "value": names.RUNTIME_SECRETS_FOLDER},
        {"name": "HANDRAIL_LOG_FORMAT", "value": place.installation.runtime.log_format},
    ]


def _environment(place: Place, size: Size) -> list[Manifest]:
    found: list[Manifest] = [
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "HANDRAIL_HOST", "value": "$(POD_IP)"},
        {"name": "HANDRAIL_PORT", "value": str(names.RUNTIME_PORT)},
        *_settings(place),
        {"name": "HANDRAIL_NATS_URL", "value": place.nats_url},
        {"name": "HANDRAIL_REDIS_PREFIX", "value": place.provisioned.redis_prefix},
    ]
    if "agent" in size.roles:
        given = place.installation
        found.append({"name": "HANDRAIL_MAIL_FROM", "value": given.runtime.mail_from})
        # Left out where there are none: the API server keeps no empty value, and it would seem taken away for ever.
        if given.network.outbound_allowed:
            found.append({"name": "HANDRAIL_OUTBOUND_ALLOWED", "value": ",".join(given.network.outbound_allowed)})
        # It may hold a password, and whoever may look at pods need not see that.
        secret = names.role_secret(size.component)
        found += [
            {"name": "HANDRAIL_SMTP_URL", "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
            for key in variables(place, size)
        ]
    return found


def _probes() -> Manifest:
    """`/healthz` says that the process answers, whatever it waits for; `/readyz` that it has its servers."""
    alive = {"httpGet": {"path": "/healthz", "port": names.RUNTIME_PORT}}
    ready = {"httpGet": {"path": "/readyz", "port": names.RUNTIME_PORT}}
    return {
        "ports": [{"name": "http", "containerPort": names.RUNTIME_PORT, "protocol": "TCP"}],
        # It listens once NATS has told it the config, for which it waits half a minute itself.
        "startupProbe": alive | {"periodSeconds": 1, "timeoutSeconds": 3, "failureThreshold": 120},
        "readinessProbe": ready | {"periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 2},
        "livenessProbe": alive | {"periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
    }


def _spread(place: Place, component: str) -> list[Manifest]:
    """Over zones and nodes where there are several; each version by itself."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": selector(place, component)},
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def _folder(component: str, wanted: list[str], references: dict[str, list[str]]) -> Manifest:
    """The secrets folder: the component's own Secret, and below it the tenant's Secrets that it may read. Those may
    go at any time, which is no reason for a pod not to start."""
    sources: list[Manifest] = [
        {"secret": {"name": names.role_secret(component), "items": [{"key": one, "path": one} for one in wanted]}}
    ]
    for name, keys in references.items():
        items = [{"key": key, "path": names.secret_ref_file(name, key)} for key in keys]
        sources.append({"secret": {"name": name, "items": items, "optional": True}})
    return {"name": "secrets", "projected": {"defaultMode": _MODE, "sources": sources}}
