"""tach's configuration, and what it says of the imports of a file.

Reads `tach.toml`, `[tool.tach]` and `tach.domain.toml` as tach does, and judges one text at a time
by them. Where this is not what `tach check` says, and why, is in
`tests/architecture/cases/differences.md`.
"""

from trueup.architecture.tach.config import DomainConfig, TachConfig
from trueup.architecture.tach.judge import Boundaries
from trueup.architecture.tach.layout import Layout, Listing
from trueup.architecture.tach.reading import read, read_domain
from trueup.architecture.tach.rules import Rule, TachFinding

__all__ = [
    "Boundaries",
    "DomainConfig",
    "Layout",
    "Listing",
    "Rule",
    "TachConfig",
    "TachFinding",
    "read",
    "read_domain",
]
