import pytest

from handrail_runtime.session.matching import path_matches, path_of, selector_matches


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://app.example.test/projects/1?q=secret#top", "/projects/1"),
        ("https://app.example.test/projects/", "/projects"),
        ("https://app.example.test", "/"),
        ("https://app.example.test?x=/y", "/"),
        ("https://app.example.test#/settings?tab=1", "/#/settings"),
        ("https://app.example.test/app/#!/a/b/", "/app#!/a/b"),
        ("/projects?x", "/projects"),
        ("", "/"),
        ("about:blank", "about:blank"),
    ],
)
def test_a_path_is_the_address_without_query_and_fragment(url: str, path: str) -> None:
    assert path_of(url) == path


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("", "/any", True),
        ("/projects", "/projects", True),
        ("/projects/", "/projects", True),
        ("/projects", "/projects/1", False),
        ("/projects/*", "/projects/1", True),
        ("/projects/*", "/projects/1/edit", False),
        ("/projects/*", "/projects", False),
        ("/*/edit", "/1/edit", True),
        ("/a.c", "/abc", False),
        ("/projects", "/app#/projects", True),
        ("/projects/*", "/app#!/projects/7", True),
        ("/app#/projects", "/app#/projects", True),
        ("/app", "/app#/projects", False),
        ("/", "/", True),
    ],
)
def test_a_path_pattern(pattern: str, path: str, matches: bool) -> None:
    assert path_matches(pattern, path) is matches


@pytest.mark.parametrize(
    ("pattern", "selector", "tag", "matches"),
    [
        ("", None, None, True),
        ("", "#a", "a", True),
        ("#project", "#project", "form", True),
        ("form#project", "#project", "form", True),
        ("form#project", "#project", "FORM", True),
        ("form#project", "#project", "div", False),
        ("form#project", "#project", None, False),
        ("form#project", "form#project", None, True),
        ("#project", "form#project", None, True),
        ("div#project", "form#project", "form", False),
        ('button[data-testid="x"]', '[data-testid="x"]', "button", True),
        ("#a", "#b", "a", False),
        ("#a", None, None, False),
    ],
)
def test_a_selector_pattern(pattern: str, selector: str | None, tag: str | None, matches: bool) -> None:
    assert selector_matches(pattern, selector, tag) is matches
