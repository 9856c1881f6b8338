"""Whatever text a value holds, it stays one text: no field more, no number; the schema is switched off."""

from pathlib import Path
from typing import Any

import pytest
from tests.cluster.chart.given import BUNDLED_AND_WATCHED, EVERYTHING, read
from tests.cluster.chart.installation import CHART, RELEASE, Helm

pytestmark = pytest.mark.cluster
INJECTED = "a\"'\n      hostNetwork: true\nhostPID: true\n# {{ .Values }} [&x *y !!int"
BASES = {"everything": EVERYTHING, "bundled": BUNDLED_AND_WATCHED}
Shape = Any


def whole(base: dict[str, Any], text: str) -> dict[str, Any]:
    """All values, those with a default, too, with this text in place of each one that there is."""
    (defaults,) = read((CHART / "values.yaml").read_text())
    values: dict[str, Any] = everywhere(over(defaults, base), text)
    # Other texts are refused by words of the chart's own; its plan is then the first by name.
    values["test"]["plan"] = ""
    if values["nats"]["bundled"]:
        values["nats"]["url"] = ""
    for server in ("postgres", "redis"):
        if values[server]["bundled"]:
            values[server]["existingSecret"]["name"] = ""
    values["plans"] = dict.fromkeys([text], next(iter(values["plans"].values()), {}))
    return values


def over(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {key: over(below.get(key), value) for key, value in above.items()}


def everywhere(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {key: everywhere(one, text) for key, one in value.items()}
    if isinstance(value, list):
        return [everywhere(one, text) for one in value]
    return text if isinstance(value, str) else value


def shapes(helm: Helm, values: dict[str, Any], text: str) -> list[Shape]:
    """Of each document: its fields and the kinds of what is in them."""
    made = helm("template", RELEASE, str(CHART), "--namespace", "123", "--skip-schema-validation", values=values)
    return [shape(one, text) for one in read(made) if one]


def shape(value: Any, text: str) -> Shape:
    if isinstance(value, dict):
        inner = {key: read(one) if key == "installation.yaml" else one for key, one in value.items()}
        return {"PLAN" if key == text else key: shape(one, text) for key, one in inner.items()}
    if isinstance(value, list):
        return [shape(one, text) for one in value]
    return type(value).__name__


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("text", [INJECTED, "true", "123", "~", "1e3", "2026-11-22"])
def test_text_stays_text(tmp_path: Path, base: str, text: str):
    helm = Helm(tmp_path / "none", tmp_path)
    harmless = shapes(helm, whole(BASES[base], "harmless"), "harmless")
    assert len(harmless) > 30
    assert shapes(helm, whole(BASES[base], text), text) == harmless
