"""Objects of a tenant as they are written, whole."""

import base64

from tests.operator.manifests import places
from tests.operator.manifests.places import SECRETS, UID, by_name, place

from handrail_contracts import names
from handrail_operator.installation import decode
from handrail_operator.manifests import tenant
from handrail_operator.manifests.migration import migration_key
from handrail_operator.manifests.objects import sealed

OWNER = {
    "apiVersion": "handrail.dev/v1alpha1",
    "kind": "OnboardingTenant",
    "name": "acme",
    "uid": UID,
    "controller": True,
    "blockOwnerDeletion": False,
}
LABELS = {
    "handrail.dev/tenant": "acme",
    "app.kubernetes.io/managed-by": "handrail-operator",
    "app.kubernetes.io/name": "handrail-runtime",
}
POD_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "runAsGroup": 10001,
    "fsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
MOUNTS = [
    {"name": "secrets", "mountPath": "/var/run/handrail/secrets", "readOnly": True},
    {"name": "tmp", "mountPath": "/tmp"},
]
TMP = {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}


def metadata(name, component=None, labels=None, annotations=None):
    found = {
        "name": name,
        "namespace": "handrail-acme",
        "labels": LABELS | ({"app.kubernetes.io/component": component} if component else {}) | (labels or {}),
        "ownerReferences": [OWNER],
    }
    return found | ({"annotations": annotations} if annotations else {})


def test_the_namespace():
    assert tenant.namespace("acme", UID) == sealed(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": "handrail-acme",
                "labels": {
                    "handrail.dev/tenant": "acme",
                    "app.kubernetes.io/managed-by": "handrail-operator",
                    "pod-security.kubernetes.io/enforce": "restricted",
                    "pod-security.kubernetes.io/warn": "restricted",
                    "pod-security.kubernetes.io/audit": "restricted",
                },
                "ownerReferences": [OWNER],
            },
        }
    )


def test_a_deployment():
    made = by_name(tenant.workloads(place()))["Deployment", "realtime"]
    template = made["spec"]["template"]
    digest = template["metadata"]["annotations"]["handrail.dev/secrets"]
    selector = {"handrail.dev/tenant": "acme", "app.kubernetes.io/component": "realtime"}
    spread = {
        "maxSkew": 1,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector},
        "matchLabelKeys": ["pod-template-hash"],
    }
    container = {
        "name": "realtime",
        "image": "registry.test:5000/handrail/runtime:1.2.3",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "handrail_runtime", "run", "--roles", "realtime"],
        "env": [
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "HANDRAIL_HOST", "value": "$(POD_IP)"},
            {"name": "HANDRAIL_PORT", "value": "8080"},
            {"name": "HANDRAIL_TENANT", "value": "acme"},
            {"name": "HANDRAIL_SECRETS", "value": "/var/run/handrail/secrets"},
            {"name": "HANDRAIL_LOG_FORMAT", "value": "json"},
            {"name": "HANDRAIL_NATS_URL", "value": "nats://nats.handrail.svc:4222"},
            {"name": "HANDRAIL_REDIS_PREFIX", "value": "{acme}:"},
        ],
        "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": MOUNTS,
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "startupProbe": {
            "httpGet": {"path": "/healthz", "port": 8080},
            "periodSeconds": 1,
            "timeoutSeconds": 3,
            "failureThreshold": 120,
        },
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": 8080},
            "periodSeconds": 5,
            "timeoutSeconds": 3,
            "failureThreshold": 2,
        },
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": 8080},
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
    }
    own = [
        {"key": one, "path": one} for one in ("database-url", "nats-realtime.creds", "principal-keys.json", "redis-url")
    ]
    folder = {"defaultMode": 0o440, "sources": [{"secret": {"name": "handrail-realtime", "items": own}}]}
    version = {"app.kubernetes.io/version": "1.2.3"}
    assert made == sealed(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata("realtime", "realtime", version, {"handrail.dev/migrated": migration_key(place())}),
            "spec": {
                "revisionHistoryLimit": 2,
                "progressDeadlineSeconds": 300,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                "selector": {"matchLabels": selector},
                "replicas": 1,
                "template": {
                    "metadata": {
                        "labels": LABELS | version | {"app.kubernetes.io/component": "realtime"},
                        "annotations": {"handrail.dev/secrets": digest},
                    },
                    "spec": {
                        "serviceAccountName": "handrail-runtime",
                        "automountServiceAccountToken": False,
                        "enableServiceLinks": False,
                        "securityContext": POD_SECURITY,
                        "containers": [container],
                        "volumes": [{"name": "secrets", "projected": folder}, TMP],
                        "terminationGracePeriodSeconds": 20,
                        "topologySpreadConstraints": [
                            spread | {"topologyKey": "topology.kubernetes.io/zone"},
                            spread | {"topologyKey": "kubernetes.io/hostname"},
                        ],
                    },
                },
            },
        }
    )


def test_the_migration():
    made = tenant.migration(place())
    key = migration_key(place())
    assert made["metadata"]["name"].startswith(f"migrate-{key}-")
    container = {
        "name": "migrate",
        "image": "registry.test:5000/handrail/runtime:1.2.3",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "handrail_runtime", "migrate"],
        "env": [
            {"name": "HANDRAIL_TENANT", "value": "acme"},
            {"name": "HANDRAIL_SECRETS", "value": "/var/run/handrail/secrets"},
            {"name": "HANDRAIL_LOG_FORMAT", "value": "json"},
        ],
        "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": MOUNTS,
    }
    own = {"name": "handrail-migrate", "items": [{"key": "owner-database-url", "path": "owner-database-url"}]}
    assert made == sealed(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": metadata(made["metadata"]["name"], "migrate", annotations={"handrail.dev/migrated": key}),
            "spec": {
                "backoffLimit": 3,
                "activeDeadlineSeconds": 900,
                "ttlSecondsAfterFinished": 600,
                "template": {
                    "metadata": {
                        "labels": LABELS
                        | {"app.kubernetes.io/component": "migrate", "app.kubernetes.io/version": "1.2.3"}
                    },
                    "spec": {
                        "serviceAccountName": "handrail-runtime",
                        "automountServiceAccountToken": False,
                        "enableServiceLinks": False,
                        "securityContext": POD_SECURITY,
                        "containers": [container],
                        "volumes": [
                            {"name": "secrets", "projected": {"defaultMode": 0o440, "sources": [{"secret": own}]}},
                            TMP,
                        ],
                        "restartPolicy": "Never",
                    },
                },
            },
        }
    )


def test_what_goes_with_a_deployment():
    wanted = places.spec(runtime={"realtime": {"replicas": 2, "maxReplicas": 4}})
    made = by_name(tenant.workloads(place(wanted)))
    selector = {"handrail.dev/tenant": "acme", "app.kubernetes.io/component": "realtime"}
    assert made["Service", "realtime"] == sealed(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata("realtime", "realtime"),
            "spec": {
                "clusterIP": "None",
                "selector": selector,
                "ports": [{"name": "http", "protocol": "TCP", "port": 8080, "targetPort": 8080}],
            },
        }
    )
    assert made["PodDisruptionBudget", "realtime"] == sealed(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": metadata("realtime", "realtime"),
            "spec": {
                "maxUnavailable": 1,
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
                "selector": {"matchLabels": selector},
            },
        }
    )
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    assert made["HorizontalPodAutoscaler", "realtime"] == sealed(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": metadata("realtime", "realtime"),
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "realtime"},
                "minReplicas": 2,
                "maxReplicas": 4,
                "metrics": [{"type": "Resource", "resource": cpu}],
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
            },
        }
    )
    assert tenant.realtime_url(place()) == "http://realtime.handrail-acme.svc:8080"


def test_the_bounds():
    made = by_name(tenant.foundation(place()))
    assert made["ResourceQuota", "handrail"]["spec"]["hard"] == {
        "pods": "12",
        "requests.cpu": "1200m",
        "requests.memory": "4608Mi",
        "limits.memory": "4608Mi",
        "count/configmaps": "100",
        "count/secrets": "100",
        "count/services": "10",
        "count/deployments.apps": "10",
        "count/replicasets.apps": "60",
        "count/jobs.batch": "20",
        "services.loadbalancers": "0",
        "services.nodeports": "0",
        "persistentvolumeclaims": "0",
    }
    assert made["LimitRange", "handrail"]["spec"]["limits"] == [
        {"type": "Container", "default": {"memory": "256Mi"}, "defaultRequest": {"cpu": "50m", "memory": "256Mi"}}
    ]
    assert made["ServiceAccount", "handrail-runtime"]["automountServiceAccountToken"] is False


def test_the_operators_rights_come_first():
    given = decode(
        places.INSTALLATION
        | {"tenantAccess": {"serviceAccount": "handrail-operator", "clusterRole": "handrail-tenant"}}
    )
    (binding,) = tenant.rights(place(given=given))
    assert tenant.everything(place(given=given))[0] == binding
    assert tenant.rights(place()) == []
    assert binding == sealed(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": metadata("handrail-operator"),
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "handrail-tenant"},
            "subjects": [{"kind": "ServiceAccount", "name": "handrail-operator", "namespace": "handrail"}],
        }
    )


def test_the_keys_stand_in_a_secret():
    made = by_name(tenant.foundation(place()))["Secret", names.KEYS_SECRET]
    publishable, secret = SECRETS.keys
    texts = {
        publishable.key_id: publishable.key,
        secret.key_id: secret.key,
        "publishable": publishable.key,
        "secret": secret.key,
    }
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    assert made == sealed(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata("handrail-keys", labels={"handrail.dev/use": "platform"}),
            "type": "Opaque",
            "data": encoded,
        }
    )
