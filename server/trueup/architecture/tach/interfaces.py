"""What modules let others see: which members, to whom, of which types.

Patterns are regular expressions that Rust's `regex` and Python's `re` read alike; one that Python
cannot read is a Problem, and its interface counts for nothing.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from trueup.architecture.contracts import Problem, Severity
from trueup.architecture.tach.config import Interface

CONTRACT: Final = "tach:interfaces"
_FLAGS: Final = re.compile(r"\(\?[imsx]+\)")


@dataclass(frozen=True, slots=True)
class _Compiled:
    written: Interface
    modules: tuple[re.Pattern[str], ...]
    expose: tuple[re.Pattern[str], ...]

    def shows_to(self, module: str) -> bool:
        return self.written.visibility is None or module in self.written.visibility

    def exposes(self, member: str) -> bool:
        return any(pattern.search(member) for pattern in self.expose)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An import of a member that no interface exposes, or of one that is not of plain types."""

    interface: Interface
    primitive: bool = False


class Interfaces:
    """All interfaces of a configuration, with what is known of the types of exposed members."""

    def __init__(
        self, written: tuple[Interface, ...], module_text: Callable[[str], Mapping[str, bool]]
    ) -> None:
        """`module_text` gives the members of a module and whether they are of plain types; asked
        only of modules whose interface wants to know.
        """
        self._compiled: list[_Compiled] = []
        self._by_module: dict[str, tuple[_Compiled, ...]] = {}
        self._members = module_text
        self._types: dict[str, Mapping[str, bool]] = {}
        self.problems = tuple(self._compile(written))

    def refused(self, definition: str, member: str, usage: str) -> Refusal | None:
        """Why the module `usage` may not import `member` of the module `definition`; None where it
        may. The module itself, with member "", is open to all.
        """
        interfaces = self._of(definition) if member else ()
        shown = self._shown(interfaces, usage)
        if not shown:
            # A module whose interfaces are all for others is open, as one without interfaces.
            return None
        if any(interface.exposes(member) for interface in shown):
            return self._wrong_type(definition, member, interfaces)
        return Refusal(shown[0].written)

    def of_nothing(self, modules: Iterable[str]) -> Iterator[Problem]:
        """Interfaces of none of the modules."""
        used = {id(each) for module in modules for each in self._of(module)}
        for interface in self._compiled:
            if id(interface) not in used:
                message = "no module matches 'from', so this exposes nothing"
                source = interface.written.source
                yield Problem(source, message, Severity.WARNING, CONTRACT)

    def wants_types(self, module: str) -> bool:
        return any(interface.written.primitive for interface in self._of(module))

    def _of(self, module: str) -> tuple[_Compiled, ...]:
        found = self._by_module.get(module)
        if found is None:
            found = self._by_module[module] = tuple(
                each
                for each in self._compiled
                if any(pattern.search(module) for pattern in each.modules)
            )
        return found

    @staticmethod
    def _shown(interfaces: tuple[_Compiled, ...], usage: str) -> tuple[_Compiled, ...]:
        """Those for `usage`; an exclusive one is the only one."""
        shown = tuple(each for each in interfaces if each.shows_to(usage))
        exclusive = (each for each in shown if each.written.exclusive)
        only = next(exclusive, None)
        return shown if only is None else (only,)

    def _wrong_type(
        self, definition: str, member: str, interfaces: tuple[_Compiled, ...]
    ) -> Refusal | None:
        if not self.wants_types(definition):
            return None
        if definition not in self._types:
            self._types[definition] = self._members(definition)
        plain = self._types[definition].get(member, True)
        # Whoever may see it, the first interface that exposes the member says its types.
        first = next((each for each in interfaces if each.exposes(member)), None)
        if plain or first is None or not first.written.primitive:
            return None
        return Refusal(first.written, primitive=True)

    def _compile(self, written: tuple[Interface, ...]) -> Iterator[Problem]:
        for interface in written:
            try:
                modules = tuple(map(_whole, interface.modules))
                expose = tuple(map(_whole, interface.expose))
            except re.error as error:
                message = f"a pattern here is not a regular expression: {error.msg}"
                yield Problem(interface.source, message, contract=CONTRACT)
                continue
            self._compiled.append(_Compiled(interface, modules, expose))


def _whole(pattern: str) -> re.Pattern[str]:
    """The pattern for whole names; raises re.error.

    Not in a group: `a|b` means `^a` or `b$`, as in tach. Flags that stand first are moved, for
    Python wants them at the very beginning.
    """
    if "[:" in pattern:
        # Python would read this as something else without a word.
        raise re.error("classes such as [:alpha:] are not known here", pattern)
    flags = _FLAGS.match(pattern)
    with warnings.catch_warnings():
        # What a later Python may read otherwise, it reads as Rust does today.
        warnings.simplefilter("ignore")
        if flags is None:
            return re.compile(f"^{pattern}$")
        return re.compile(f"{flags[0]}^{pattern[flags.end() :]}$")
