"""Where the API server is and who we are there, as kubectl finds it: a kubeconfig file, or a pod's account."""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

_in_a_pod: Any = load_incluster_config
_from_file: Any = load_kube_config
_IN_A_POD = "KUBERNETES_SERVICE_HOST"


class AccessMissing(Exception):
    """There is no usable kubeconfig and this is no pod."""


def kubeconfig() -> Path | None:
    """The file named by KUBECONFIG; None in a pod; else the one in the home folder. For the composition root alone.
    Raises AccessMissing."""
    if named := os.environ.get("KUBECONFIG"):
        return Path(named)
    if os.environ.get(_IN_A_POD):
        return None
    found = Path.home() / ".kube" / "config"
    if not found.exists():
        raise AccessMissing("no Kubernetes cluster: set KUBECONFIG, or run as a pod")
    return found


@dataclass
class Access:
    """Credentials that are read anew: a pod's token each minute, all of them when the API server refuses them."""

    path: Path | None
    """None: the pod's account."""
    _configuration: Any = None
    _tls: ssl.SSLContext | None = None

    async def load(self) -> None:
        """Raises AccessMissing."""
        found = Configuration()
        try:
            if self.path is None:
                _in_a_pod(client_configuration=found)
            else:
                await _from_file(str(self.path), client_configuration=found, persist_config=False)
            self._tls = RESTClientObject(found).ssl_context if found.host.startswith("https:") else None
        except (ConfigException, OSError, ssl.SSLError, ValueError) as error:
            where = f"the kubeconfig {self.path}" if self.path else "the pod's service account"
            raise AccessMissing(f"{where} cannot be used: {error}") from error
        self._configuration = found

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return str(self._configuration.host).rstrip("/")

    @property
    def tls(self) -> ssl.SSLContext | None:
        return self._tls

    async def headers(self) -> dict[str, str]:
        """Authorization, where a token is used."""
        found = (await self._configuration.auth_settings()).get("BearerToken")
        return {"Authorization": str(found["value"]).strip()} if found and found["value"] else {}

    async def for_kopf(self) -> dict[str, Any]:
        """The same for Kopf's own connections: what its ConnectionInfo takes."""
        wanted = self._configuration
        scheme, _, token = (await self.headers()).get("Authorization", "").partition(" ")
        return {
            "server": self.url,
            "ca_path": wanted.ssl_ca_cert,
            "insecure": not wanted.verify_ssl,
            "certificate_path": wanted.cert_file,
            "private_key_path": wanted.key_file,
            "scheme": scheme or None,
            "token": token or None,
            "proxy_url": wanted.proxy,
        }

    def options(self) -> dict[str, Any]:
        """For each request of aiohttp: TLS, the name in it, the proxy."""
        wanted = self._configuration
        found: dict[str, Any] = {"ssl": self._tls if self._tls is not None else True}
        if wanted.tls_server_name:
            found["server_hostname"] = wanted.tls_server_name
        if wanted.proxy:
            found["proxy"] = wanted.proxy
        return found
