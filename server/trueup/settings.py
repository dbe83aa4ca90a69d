"""Settings, and which may come from where.

Three sources: the machine (`config.toml` in the user's configuration folder), the client (its
machine-scoped settings, sent with `initialize`), and the project (`[tool.trueup]` in
`pyproject.toml`). A project may make a limit stricter and keep more of its files from being sent,
and nothing else: what is executed, where requests go and what may be spent is never read from a
workspace.
"""

from __future__ import annotations

import functools
import importlib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Final

import platformdirs

from trueup import ConfigurationError

APPLICATION: Final = "trueup"
ISOLATION: Final = ("any", "landlock", "namespaces")
APPLY: Final = ("ask", "verified")
VENDOR: Final = "https://api.anthropic.com"
PROVIDERS: Final = ("anthropic", "bedrock", "vertex")
KEYCHAIN: Final = "trueup"
"""What the key is called in the machine's keychain: service "trueup", user "model"."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
STRICTNESS: Final = frozenset({"crosshair_seconds", "mutants", "mutants_killed_min"})
"""Limits of which less would be a weaker proof: a project may only raise them."""


def limit(default: float, unit: str, says: str) -> float:
    """A limit of Limits: its default, its unit and what it bounds."""
    return field(default=default, metadata={"unit": unit, "says": says})


@dataclass(frozen=True, slots=True)
class Limits:
    """Everything here has a name, a default and a unit; a project may only make it stricter."""

    repair_rounds: float = limit(2, "rounds", "how often a rejected model candidate goes back")
    candidates: float = limit(2, "candidates", "asked for at once, once a first one was rejected")
    first_candidates: float = limit(1, "candidates", "asked for at once before any was judged")
    calls_at_once: float = limit(4, "calls", "calls of models at the same time, of all jobs")
    test_run_seconds: float = limit(60, "s", "wall time of one run of the affected tests")
    test_output_bytes: float = limit(1 << 20, "bytes", "output of one test run that is read")
    test_memory_bytes: float = limit(4 << 30, "bytes", "address space of one test process")
    test_processes: float = limit(512, "processes", "processes of one test run")
    mutants: float = limit(12, "mutants", "mutants of the changed lines that are tried")
    mutants_seconds: float = limit(20, "s", "wall time of all mutants together")
    mutants_killed_min: float = limit(0.8, "share", "mutants that the tests must notice")
    crosshair_seconds: float = limit(0, "s", "CPU time of CrossHair's search; 0: it is not asked")
    type_check_seconds: float = limit(60, "s", "wall time of a type checker, both sides together")
    model_seconds: float = limit(120, "s", "wall time of one answer of the model")
    model_output_tokens: float = limit(16_000, "tokens", "length of one answer of the model")
    context_tokens: float = limit(24_000, "tokens", "text of the workspace in one prompt")
    retry_after_seconds: float = limit(10, "s", "longest wait that a model server may ask for")
    job_seconds: float = limit(600, "s", "wall time of one suggestion")
    answer_seconds: float = limit(1_800, "s", "how long a question waits for the user")


@dataclass(frozen=True, slots=True)
class Budget:
    """What the model may spend. Only the machine sets it; 0 means that no model is asked.

    A token is one of the prompt, cached ones included, or one of the answer, thinking included.
    """

    suggestion_tokens: float = limit(400_000, "tokens", "all model calls of one suggestion")
    session_tokens: float = limit(4_000_000, "tokens", "all model calls of one server's life")
    day_tokens: float = limit(8_000_000, "tokens", "all model calls of one calendar day")
    month_tokens: float = limit(80_000_000, "tokens", "all model calls of one calendar month")
    suggestion_usd: float = limit(1.0, "USD", "all model calls of one suggestion")
    session_usd: float = limit(5.0, "USD", "all model calls of one server's life")
    day_usd: float = limit(10.0, "USD", "all model calls of one calendar day")
    month_usd: float = limit(100.0, "USD", "all model calls of one calendar month")


@dataclass(frozen=True, slots=True)
class TraceLimits:
    """How much of what happened is kept. Only the machine sets it."""

    days: float = limit(90, "days", "age of a trace before it is removed")
    bytes: float = limit(200 << 20, "bytes", "size of all traces before the oldest are removed")


@dataclass(frozen=True, slots=True)
class Background:
    """Fixes that are verified before anyone asks, and what that may take. Only the machine sets it.

    `enabled` is None where the client decides; `model`: one may take part, within the budget.
    """

    enabled: bool | None = None
    model: bool = False
    idle_seconds: float = limit(3, "s", "how long nothing happens in the editor before it begins")
    load: float = limit(0.7, "share", "load of each processor above which it rests")
    per_minute: float = limit(6, "fixes", "fixes that are tried in one minute")
    cpu_seconds: float = limit(120, "s", "CPU time that is taken in one hour")
    niceness: float = limit(10, "steps", "lower priority of everything that runs for it")
    fixes: float = limit(10, "fixes", "fixes of one file that are kept ready")


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Where the model is and which one. The key is in the environment of the server, or in the
    machine's keychain; for `bedrock` and `vertex`, credentials are where their tools keep them.
    """

    base_url: str | None = None
    models: tuple[str, ...] = ("claude-sonnet-5-5", "claude-haiku-5-5")
    effort: str | None = None
    provider: str = "anthropic"
    region: str | None = None
    project: str | None = None
    """Of Vertex: whose project pays."""


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """Which version of the prompt is used for each kind of goal; "" is the newest of ours."""

    fix: str = ""
    refactor: str = ""
    review: str = ""


@dataclass(frozen=True, slots=True)
class ReviewSettings:
    """`on_save`: ask the model about the changed code of every file that is saved."""

    on_save: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """Globs of files that do not go everywhere: what is `never` sent is in no prompt and in no
    trace, what is `local` is in no export. Everybody may name more, and nobody takes one back.
    """

    never: tuple[str, ...] = ()
    local: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    model: ModelSettings = ModelSettings()
    prompts: PromptSettings = PromptSettings()
    review: ReviewSettings = ReviewSettings()
    limits: Limits = Limits()
    budget: Budget = Budget()
    traces: TraceLimits = TraceLimits()
    background: Background = Background()
    shown: Shown = Shown()
    interpreter: str | None = None
    isolation_minimum: str = "any"
    """`namespaces`: refuse to run tests with less; `any`: run them and say what was in force."""
    apply_model_changes: str = "ask"
    """`ask`: show the diff first; `verified`: apply a verified change of the model at once."""


def config_file() -> Path:
    return platformdirs.user_config_path(APPLICATION) / "config.toml"


def prompt_choices_file() -> Path:
    """Where `trueup prompts use` writes down its choice; `config.toml` goes before it."""
    return config_file().with_name("prompts.toml")


def state_folder() -> Path:
    return platformdirs.user_state_path(APPLICATION)


def cache_folder() -> Path:
    return platformdirs.user_cache_path(APPLICATION)


def load(
    root: str, client: Mapping[str, object] | None = None, *, config: Path | None = None
) -> Settings:
    """Machine, then client, then what the project may say. Raises ConfigurationError."""
    settings = Settings()
    machine = _read_toml(config or config_file())
    chosen = _read_toml(prompt_choices_file()).get("prompts", {})
    for source, where in (
        ({"prompts": chosen}, "prompts.toml"),
        (machine, "config.toml"),
        (client or {}, "the client's settings"),
    ):
        settings = _with_machine(settings, source, where)
        if "background" in source:
            made = _background(settings.background, source["background"], where)
            settings = replace(settings, background=made)
        if "visibility" in source:
            shown = _shown(settings.shown, source["visibility"], where)
            settings = replace(settings, shown=shown)
    table = _read_toml(Path(root, "pyproject.toml")).get("tool")
    own = table.get("trueup", {}) if isinstance(table, dict) else {}
    if isinstance(own, dict) and isinstance(own.get("limits"), dict):
        settings = replace(settings, limits=_limits(settings.limits, own["limits"], lower=True))
    if isinstance(own, dict) and "visibility" in own:
        settings = replace(
            settings, shown=_shown(settings.shown, own["visibility"], "pyproject.toml")
        )
    return settings


def _read_toml(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ConfigurationError(f"{path.name} cannot be read: {problem}") from None


def _with_machine(settings: Settings, source: Mapping[str, object], where: str) -> Settings:
    for key, value in source.items():
        match key, value:
            case "model", dict():
                settings = replace(settings, model=_model(settings.model, value, where))
            case "limits", dict():
                settings = replace(settings, limits=_limits(settings.limits, value, lower=False))
            case (("budget" | "traces"), dict()):
                settings = _with_amounts(settings, key, value)
            case (("prompts" | "review"), dict()):
                settings = _with_choices(settings, key, value, where)
            case "isolation", dict():
                chosen = _choice(value.get("minimum"), ISOLATION, "isolation.minimum", where)
                settings = replace(settings, isolation_minimum=chosen)
            case "interpreter", str() | None:
                settings = replace(settings, interpreter=value or None)
            case "apply_model_changes", _:
                settings = replace(settings, apply_model_changes=_choice(value, APPLY, key, where))
            case (
                (
                    "model" | "prompts" | "review" | "limits" | "budget" | "traces" | "isolation"
                    | "interpreter"
                ),
                _,
            ):  # fmt: skip
                raise ConfigurationError(f"{where}: {key} has the wrong type")
    return settings


def _background(background: Background, value: object, where: str) -> Background:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{where}: background has the wrong type")
    switches = {name: value[name] for name in ("enabled", "model") if name in value}
    for name, said in switches.items():
        if not isinstance(said, bool):
            raise ConfigurationError(f"{where}: background.{name} must be true or false")
    numbers = {name: said for name, said in value.items() if name not in switches}
    return replace(
        background,
        enabled=switches.get("enabled", background.enabled),
        model=switches.get("model", background.model),
        **_numbers(Background, numbers, "background."),
    )


def _model(model: ModelSettings, table: Mapping[str, object], where: str) -> ModelSettings:
    base_url, models, effort = table.get("base_url"), table.get("models"), table.get("effort")
    if base_url is not None and not (isinstance(base_url, str) and "://" in base_url):
        raise ConfigurationError(f"{where}: model.base_url must be a URL")
    if models is not None and not (
        isinstance(models, list) and models and all(isinstance(name, str) for name in models)
    ):
        raise ConfigurationError(f"{where}: model.models must be a list of names")
    region, project = table.get("region"), table.get("project")
    for name, value in (("region", region), ("project", project)):
        if value is not None and not (isinstance(value, str) and _PLAIN.fullmatch(value)):
            raise ConfigurationError(f"{where}: model.{name} must be a name")
    provider = table.get("provider", model.provider)
    return ModelSettings(
        base_url=base_url or model.base_url,
        models=tuple(models) if models else model.models,
        effort=effort if isinstance(effort, str) else model.effort,
        provider=_choice(provider, PROVIDERS, "model.provider", where),
        region=str(region) if region else model.region,
        project=str(project) if project else model.project,
    )


def _with_amounts(settings: Settings, key: str, table: Mapping[str, object]) -> Settings:
    if key == "budget":
        changes = _numbers(Budget, table, "budget.")
        return replace(settings, budget=replace(settings.budget, **changes))
    changes = _numbers(TraceLimits, table, "traces.")
    return replace(settings, traces=replace(settings.traces, **changes))


def _with_choices(
    settings: Settings, key: str, table: Mapping[str, object], where: str
) -> Settings:
    if key == "prompts":
        return replace(settings, prompts=_prompts(settings.prompts, table, where))
    on_save = table.get("on_save", settings.review.on_save)
    if not isinstance(on_save, bool):
        raise ConfigurationError(f"{where}: review.on_save must be true or false")
    return replace(settings, review=ReviewSettings(on_save))


def _prompts(prompts: PromptSettings, table: Mapping[str, object], where: str) -> PromptSettings:
    kinds = {item.name for item in fields(PromptSettings)}
    changes: dict[str, str] = {}
    for kind, version in table.items():
        if kind not in kinds:
            raise ConfigurationError(f"{where}: there is no prompt for goals of the kind {kind}")
        if not isinstance(version, str):
            raise ConfigurationError(f'{where}: prompts.{kind} must be a version, such as "v1"')
        changes[kind] = version
    return replace(prompts, **changes)


def _limits(limits: Limits, table: Mapping[str, object], *, lower: bool) -> Limits:
    changes = _numbers(Limits, table)
    if lower:
        for name, value in changes.items():
            stricter = max if name in STRICTNESS else min
            changes[name] = stricter(getattr(limits, name), value)
    return replace(limits, **changes)


def _shown(shown: Shown, value: object, where: str) -> Shown:
    """Stricter, and never less strict. What cannot be read hides nothing, so it is an error."""
    table: dict[object, object] = value if isinstance(value, dict) else {"": value}
    named: dict[object, tuple[str, ...]] = {"never": shown.never, "local": shown.local}
    for name, globs in table.items():
        listed = globs if isinstance(globs, list) and name in named else [None]
        if not all(isinstance(glob, str) and glob for glob in listed):
            raise ConfigurationError(
                f"{where}: visibility takes `never` and `local`, each a list of paths"
            )
        named[name] += tuple(map(str, listed))
    return Shown(named["never"], named["local"])


def _numbers(
    kind: type[Limits | Budget | TraceLimits | Background],
    table: Mapping[str, object],
    table_name: str = "",
) -> dict[str, float]:
    """What `table` says about the fields of `kind`. Raises ConfigurationError."""
    known = {item.name for item in fields(kind)}
    changes: dict[str, float] = {}
    for name, value in table.items():
        if name not in known:
            raise ConfigurationError(f"there is no limit called {table_name}{name}")
        # Written so that NaN, which TOML can say, is refused too.
        if isinstance(value, bool) or not (isinstance(value, int | float) and value >= 0):
            raise ConfigurationError(
                f"the limit {table_name}{name} must be a number that is not negative"
            )
        changes[name] = value
    return changes


def _choice(value: object, allowed: tuple[str, ...], key: str, where: str) -> str:
    if value not in allowed:
        raise ConfigurationError(f"{where}: {key} must be one of {', '.join(allowed)}")
    return str(value)


def endpoint(settings: Settings) -> str:
    """Where requests go: the machine's setting, else our environment's, else the vendor."""
    chosen = settings.model
    if chosen.base_url:
        return chosen.base_url
    match chosen.provider:
        case "bedrock":
            return f"https://bedrock-runtime.{chosen.region}.amazonaws.com"
        case "vertex":
            where = "" if chosen.region == "global" else f"{chosen.region}-"
            return f"https://{where}aiplatform.googleapis.com/v1"
    return os.environ.get("ANTHROPIC_BASE_URL") or VENDOR


def model_key() -> str | None:
    """The key of the model's API: from the environment of this process, else from the keychain of
    this machine, and from nowhere else.
    """
    known = os.environ.get("ANTHROPIC_API_KEY") or os.environ.get("ANTHROPIC_AUTH_TOKEN")
    return known or keychain_key()


@functools.cache
def keychain_key() -> str | None:
    """The key that the machine's keychain holds; None without the `keyring` package, or without a
    keychain that opens. Asked once, because a keychain may ask its user.
    """
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        return None
    try:
        found = keyring.get_password(KEYCHAIN, "model")
    except (RuntimeError, OSError):
        return None  # Locked, or none here; a KeyringError of its backends is a RuntimeError.
    return found if isinstance(found, str) and found else None
