"""What a workspace can set, which is next to nothing, and what is said about a wrong setting."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup import ConfigurationError, settings
from trueup.settings import Budget, Limits, Settings, TraceLimits

LIMITS = [item.name for item in fields(Limits)]
NUMBERS = st.one_of(st.integers(0, 10**9), st.floats(0, 1e9, allow_nan=False))
SCALARS = st.one_of(st.booleans(), st.integers(-5, 5), st.text("abc:/.", max_size=8))
TABLES = st.dictionaries(st.sampled_from(["base_url", "models", "effort", "minimum", "x"]), SCALARS)
KEYS = st.sampled_from(
    ["model", "interpreter", "isolation", "apply_model_changes", "trust", "budget", "traces", "x"]
)
PROJECTS = st.dictionaries(KEYS, st.one_of(SCALARS, TABLES), max_size=5)


def toml(value: object) -> str:
    """Inline TOML of tables, strings, numbers and booleans."""
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items())
            + "}"
        )
    return json.dumps(value)


def project(folder: Path, table: object) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    Path(folder, "pyproject.toml").write_text(f"[tool]\ntrueup = {toml(table)}\n", "utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@given(PROJECTS, st.dictionaries(st.sampled_from(LIMITS), NUMBERS))
def test_a_project_makes_limits_stricter_and_sets_nothing_else(
    folder: Path, table: dict[str, object], limits: dict[str, float]
) -> None:
    machine = {"model": {"base_url": "http://localhost:1"}, "interpreter": "/usr/bin/python3"}
    absent = folder / "no-config.toml"
    without = settings.load(str(folder / "none"), machine, config=absent)
    root = project(folder / "root", {**table, "limits": limits})
    found = settings.load(root, machine, config=absent)
    assert replace(found, limits=Limits()) == replace(without, limits=Limits())
    for name in LIMITS:
        default = getattr(without.limits, name)
        # Fewer mutants, or fewer that must be noticed, would be a weaker proof.
        stricter = max if name in settings.STRICTNESS else min
        assert getattr(found.limits, name) == stricter(limits.get(name, default), default)


def test_the_client_goes_before_the_machine_and_both_may_raise(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        'interpreter = "/a/python"\napply_model_changes = "verified"\n[limits]\nmutants = 99\n'
        '[model]\nmodels = ["one"]\neffort = "low"\n[isolation]\nminimum = "namespaces"\n'
    )
    client = {"interpreter": "/b/python", "model": {"base_url": "http://localhost:1"}}
    found = settings.load(str(tmp_path), client, config=config)
    assert found.interpreter == "/b/python"
    assert found.limits.mutants == 99
    assert (found.model.base_url, found.model.models) == ("http://localhost:1", ("one",))
    assert (found.model.effort, found.isolation_minimum) == ("low", "namespaces")
    assert found.apply_model_changes == "verified"


def test_what_may_be_spent_and_kept_is_the_machines_alone(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[budget]\nday_usd = 0\nmonth_tokens = 5\n[traces]\ndays = 1\n")
    own = {"budget": {"day_usd": 1e6}, "traces": {"days": 0}, "limits": {}}
    found = settings.load(
        project(tmp_path / "root", own), {"budget": {"month_tokens": 6}}, config=config
    )
    assert (found.budget.day_usd, found.budget.month_tokens, found.traces.days) == (0, 6, 1)
    assert found.budget.session_usd == Budget().session_usd


def test_every_limit_has_a_unit_and_a_meaning() -> None:
    for kind in (Limits, Budget, TraceLimits):
        for item in fields(kind):
            assert item.metadata["unit"]
            assert item.metadata["says"]


def test_nothing_configured_is_the_defaults(tmp_path: Path) -> None:
    assert settings.load(str(tmp_path)) == Settings()


@pytest.mark.parametrize(
    ("client", "sentence"),
    [
        ({"limits": {"mutants": -1}}, "the limit mutants must be a number that is not negative"),
        ({"limits": {"mutants": True}}, "the limit mutants must be a number that is not negative"),
        ({"limits": {"mutants": "9"}}, "the limit mutants must be a number that is not negative"),
        ({"limits": {"mutant": 9}}, "there is no limit called mutant"),
        ({"limits": 3}, "the client's settings: limits has the wrong type"),
        (
            {"limits": {"mutants": float("nan")}},
            "the limit mutants must be a number that is not negative",
        ),
        ({"budget": 3}, "the client's settings: budget has the wrong type"),
        ({"traces": []}, "the client's settings: traces has the wrong type"),
        (
            {"budget": {"day": 3}},
            "there is no limit called budget.day",
        ),
        (
            {"budget": {"day_usd": -1}},
            "the limit budget.day_usd must be a number that is not negative",
        ),
        ({"model": "x"}, "the client's settings: model has the wrong type"),
        (
            {"model": {"base_url": "localhost"}},
            "the client's settings: model.base_url must be a URL",
        ),
        ({"model": {"models": []}}, "the client's settings: model.models must be a list of names"),
        ({"model": {"models": [1]}}, "the client's settings: model.models must be a list of names"),
        (
            {"isolation": {"minimum": "much"}},
            "the client's settings: isolation.minimum must be one of any, landlock, namespaces",
        ),
        (
            {"apply_model_changes": True},
            "the client's settings: apply_model_changes must be one of ask, verified",
        ),
        ({"interpreter": 3}, "the client's settings: interpreter has the wrong type"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    client: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        settings.load(str(tmp_path), client)
    assert str(raised.value) == sentence


@pytest.mark.parametrize("raw", [b"[tool", b"a = \xff", b"[tool.trueup.limits]\nmutants = -1\n"])
def test_a_broken_file_is_one_sentence(raw: bytes, tmp_path: Path) -> None:
    Path(tmp_path, "pyproject.toml").write_bytes(raw)
    with pytest.raises(ConfigurationError) as raised:
        settings.load(str(tmp_path))
    assert "\n" not in str(raised.value)


def test_folders_are_the_users_own(tmp_path: Path) -> None:
    for place in (settings.config_file(), settings.state_folder(), settings.cache_folder()):
        assert place.is_relative_to(tmp_path)


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    assert settings.model_key() is None
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token")
    assert settings.model_key() == "token"
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    assert settings.model_key() == "key"
