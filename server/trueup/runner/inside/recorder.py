"""Which functions each test called, which files of the workspace it opened, what it started.

Runs under the project's interpreter, as a plugin of its pytest. From Python 3.12 on it listens to
`sys.monitoring`, each function once per test; before, to calls alone, through a trace function.
An audit hook sees files, folders and processes. What a wider fixture does belongs to every test
that uses it, its teardown too. What runs while a module is being loaded belongs to no test; what
runs inside a function that keeps what it computed belongs to that function as well, because only
its first caller is seen to run it. Where such a function keeps things in its own object, that
counts for the tests that were seen to call it on an object which another test may have filled.

It does not know what became of threads and processes that a test leaves behind, and says `unknown`
of a test that took the trace function for itself. It raises nothing and prints nothing.
"""

# ruff: noqa: PLC0415, ANN401
# PLC0415: what this process has imported, a test finds imported; so it imports late and little.
# ANN401: pytest's objects differ between the versions that a project may have.

from __future__ import annotations

import base64
import json
import os
import sys
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any, Callable, Dict, Generator, List, Optional, Set, Tuple

NAME = "trueup"
TOOLS = (4, 3)
STANDARD = os.path.dirname(os.__file__) + os.sep
BYTES_MAX = 6 << 20
RESTARTS_MAX = 20
WALKS_MAX = 20
FOREIGN, MODULE = -1, -2
EVERYWHERE, BEGINS = "*", "="
OPENED = frozenset(("open", "sqlite3.connect"))
LISTED = frozenset(("os.listdir", "os.scandir"))
SPAWNED = frozenset(
    (
        "subprocess.Popen",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "pty.spawn",
    )
)
WATCHED = OPENED | LISTED | SPAWNED | {"sys.settrace", "_thread.start_new_thread"}


class Ran:
    """What ran during one test, during the life of one fixture, or outside of both."""

    __slots__ = (
        "files",
        "folders",
        "functions",
        "needs",
        "placing",
        "seen",
        "shared",
        "spawned",
        "unknown",
    )

    def __init__(self) -> None:
        self.functions: Set[int] = set()
        self.files: Set[str] = set()
        self.folders: Set[str] = set()
        self.spawned = False
        self.unknown = False
        self.seen: Set[Tuple[Any, int]] = set()
        # A module is being loaded, or something that keeps what it computed was called.
        self.placing = False
        self.needs: Set[int] = set()
        # Called on an object that may hold what another test computed.
        self.shared: Set[int] = set()

    def take(self, other: "Ran") -> None:
        self.functions |= other.functions
        self.files |= other.files
        self.folders |= other.folders
        self.shared |= other.shared
        self.spawned = self.spawned or other.spawned
        self.unknown = self.unknown or other.unknown


class Recorder:
    """The plugin. `keeping` says what functions keep, by file, by first line, in the words of
    `runner/keeping.py`. `mine` says whether an absolute path is the project's own. `holders` tells
    objects of this test from those of others.
    """

    def __init__(
        self,
        root: str,
        keeping: "Dict[str, Dict[str, List[str]]]",
        mine: "Callable[[str], bool]",
        in_pytest: str,
        holders: "Any",
    ) -> None:
        self.root = root.rstrip("/") + "/"
        self.mine = mine
        self.in_pytest = in_pytest
        self.holders = holders
        self.keeping = {
            (path, int(line)): tuple(words)
            for path, lines in keeping.items()
            for line, words in lines.items()
        }
        # By code and not by `id`, which the audit hook would hear of each time. Codes that are
        # equal need not be the same, so the others are found by identity.
        self.known: Dict[CodeType, Tuple[CodeType, int]] = {}
        self.twins: Dict[int, Tuple[CodeType, int]] = {}
        self.foreign: Set[str] = set()
        self.table: List[Tuple[str, int, str]] = []
        self.keepers: Set[int] = set()
        # Those of them that keep things in their object, and those that begin one.
        self.watched: Dict[int, Tuple[str, ...]] = {}
        self.entered: Dict[int, int] = {}
        self.walked: Dict[int, int] = {}
        self.paths: Dict[str, str] = {}
        self.imported: Set[int] = set()
        self.extents: Dict[int, Set[int]] = {}
        self.opened: Dict[int, Set[str]] = {}
        self.outside = self.now = Ran()
        self.tests: Dict[str, Ran] = {}
        self.users: Dict[str, Set[int]] = {}
        self.fixtures: Dict[int, Tuple[Any, Ran]] = {}
        self.tool: Optional[int] = None
        self.active = False
        self.ours = False

    # -- listening ------------------------------------------------------------------------------

    def start(self) -> None:
        self.active = True
        sys.addaudithook(self.hook())
        if sys.version_info >= (3, 12):
            monitoring = sys.monitoring
            free = [tool for tool in TOOLS if monitoring.get_tool(tool) is None]
            if not free:
                self.outside.unknown = True
                return
            self.tool = free[0]
            events = monitoring.events.PY_START | monitoring.events.PY_RESUME
            monitoring.use_tool_id(self.tool, NAME)
            for event in (monitoring.events.PY_START, monitoring.events.PY_RESUME):
                monitoring.register_callback(self.tool, event, self.started)
            monitoring.set_events(self.tool, events)
        else:
            import threading

            self.traced = self.tracer()
            threading.settrace(self.traced)
            self.trace()

    def stop(self) -> None:
        self.active = False
        if self.tool is not None and sys.version_info >= (3, 12):
            if sys.monitoring.get_tool(self.tool) == NAME:
                sys.monitoring.set_events(self.tool, 0)
                sys.monitoring.free_tool_id(self.tool)
        elif sys.version_info < (3, 12):
            import threading

            threading.settrace(None)  # type: ignore[arg-type, unused-ignore]
            if sys.gettrace() is self.traced:
                sys.settrace(None)

    def trace(self) -> None:
        self.ours = True
        sys.settrace(self.traced)
        self.ours = False

    def listening(self) -> bool:
        """Whether nobody took our place."""
        if sys.version_info >= (3, 12):
            return self.tool is not None and sys.monitoring.get_tool(self.tool) == NAME
        return sys.gettrace() is self.traced

    def restart(self) -> None:
        """Every function is to be seen again."""
        self.now.seen = set()
        if sys.version_info >= (3, 12):
            if self.tool is not None:
                sys.monitoring.restart_events()
        elif self.active and sys.gettrace() is not self.traced:
            self.trace()

    def started(self, code: "CodeType", _offset: int) -> "Any":
        found = self.known.get(code)
        number = found[1] if found is not None and found[0] is code else self.learn(code)
        if number != FOREIGN:
            self.called(number, sys._getframe(1))
            if number in self.watched and number not in self.now.shared:
                # It may be called on another object yet.
                return None
        return sys.monitoring.DISABLE  # type: ignore[attr-defined, unused-ignore]

    def tracer(self) -> "Callable[[FrameType, str, Any], None]":
        # `f_code` is an event for every audit hook, so it is read as rarely as can be: a function
        # is known by the file of its module and its first line, a foreign one by its file.
        known, foreign = self.known, self.foreign

        def traced(frame: "FrameType", _event: str, _argument: "Any") -> None:
            file = frame.f_globals.get("__file__")
            if file in foreign:
                return
            place = (file, frame.f_lineno)
            if place in self.now.seen:
                return
            code = frame.f_code
            found = known.get(code)
            number = found[1] if found is not None and found[0] is code else self.learn(code)
            if number != FOREIGN:
                # Before `called`, which may want to see everything again.
                if code.co_filename == file and not (
                    number in self.watched and number not in self.now.shared
                ):
                    self.now.seen.add(place)
                self.called(number, frame)
            elif file == code.co_filename:
                foreign.add(file)

        return traced

    def number_of(self, code: "CodeType") -> int:
        """Of a function that was seen; FOREIGN for any other."""
        found = self.known.get(code)
        if found is not None and found[0] is not code:
            found = self.twins.get(id(code))
        return FOREIGN if found is None else found[1]

    def learn(self, code: "CodeType") -> int:
        """The number of a function. The code is kept, so that no other gets its identity."""
        twin = self.twins.get(id(code))
        if twin is not None:
            return twin[1]
        path = self.path_of(code.co_filename)
        if not path:
            number = FOREIGN
        elif code.co_name == "<module>":
            number = MODULE
        else:
            number = len(self.table)
            self.table.append((path, code.co_firstlineno, code.co_name))
            words = self.keeping.get((path, code.co_firstlineno), ())
            if words and not code.co_name.startswith("<"):
                if EVERYWHERE not in words:
                    self.watched[number] = words
                if words != (BEGINS,):
                    self.keepers.add(number)
        if self.known.setdefault(code, (code, number))[0] is not code:
            self.twins[id(code)] = (code, number)
        return number

    def called(self, number: int, frame: "FrameType") -> None:
        now = self.now
        again = number in now.functions
        if number >= 0:
            now.functions.add(number)
            if now.placing and now is not self.outside:
                walks = self.walked.get(number, 0)
                # The first times are those that find nothing kept.
                if walks < WALKS_MAX:
                    self.walked[number] = walks + 1
                    self.place(number, frame)
            words = self.watched.get(number)
            if (
                words is not None
                and number not in now.shared
                and self.holders.shares(frame, words, now)
                and number in self.keepers
            ):
                now.shared.add(number)
        if number == MODULE or (number in self.keepers and not again):
            self.enters(number)

    def enters(self, number: int) -> None:
        """A module is loaded, or this test comes to a function that keeps things."""
        now = self.now
        if now is self.outside:
            return
        now.placing = True
        times = self.entered.get(number, 0)
        self.entered[number] = times + 1
        if times < RESTARTS_MAX or number == MODULE:
            # What was called before may be called again inside of this one.
            now.seen = set()
            if sys.version_info >= (3, 12):
                sys.monitoring.restart_events()

    def place(self, number: int, frame: "FrameType") -> None:
        """Inside which module that loads, and which function that keeps things, this one runs."""
        above = frame.f_back
        while above is not None:
            holder = self.number_of(above.f_code)
            if holder == MODULE:
                self.imported.add(number)
            elif holder in self.keepers:
                self.extents.setdefault(holder, set()).add(number)
            above = above.f_back

    def path_of(self, name: "Any") -> str:
        """The path in the workspace, "" for what is not the project's own."""
        if not isinstance(name, str):
            try:
                name = os.fsdecode(name)
            except (TypeError, ValueError):
                return ""
        path = self.paths.get(name)
        if path is None:
            whole = os.path.normpath(os.path.join(self.root, name))
            inside = not name.startswith("<") and (whole + "/").startswith(self.root)
            mine = inside and self.mine(whole)
            path = self.paths[name] = (whole[len(self.root) :] or ".") if mine else ""
        return path

    def hook(self) -> "Callable[[str, Tuple[Any, ...]], None]":
        watched, audited = WATCHED, self.audited

        def hooked(event: str, arguments: "Tuple[Any, ...]") -> None:
            if event in watched:
                audited(event, arguments)

        hooked.__cantrace__ = False  # type: ignore[attr-defined]
        return hooked

    def audited(self, event: str, arguments: "Tuple[Any, ...]") -> None:
        if not self.active:
            return
        now = self.now
        if event in SPAWNED:
            now.spawned = True
        elif event == "sys.settrace":
            # `threading` sets in each thread what it was told to set.
            caller = os.path.basename(sys._getframe(2).f_code.co_filename)
            if not self.ours and caller != "threading.py" and sys.version_info < (3, 12):
                now.unknown = True
        elif event == "_thread.start_new_thread":
            # Threads that `threading` starts are traced; others are not.
            started = getattr(arguments[0], "__name__", "") if arguments else ""
            if started != "_bootstrap" and sys.version_info < (3, 12):
                now.unknown = True
        elif arguments and not isinstance(arguments[0], int):
            self.touched(event, "." if arguments[0] is None else arguments[0])

    def touched(self, event: str, name: "Any") -> None:
        path = self.path_of(name)
        if not path or path.endswith(".pyc") or "__pycache__" in path:
            return
        if self.by_pytest(sys._getframe(3)):
            return
        if event in LISTED:
            self.now.folders.add(path)
        else:
            self.now.files.add(path)
            if self.now.placing:
                self.keep_file(path, sys._getframe(3))

    def keep_file(self, path: str, frame: "Optional[FrameType]") -> None:
        """What a module read while it was loaded, or a function that keeps it, others need too."""
        while frame is not None:
            number = self.number_of(frame.f_code)
            if number in self.watched:
                self.opened.setdefault(number, set()).add(path)
            elif number == MODULE or number in self.keepers:
                self.outside.files.add(path)
            frame = frame.f_back

    def by_pytest(self, frame: "Optional[FrameType]") -> bool:
        """Whether pytest looks for tests, or the import system for modules; nothing depends on it.

        Either may do so through functions of the standard library.
        """
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(("<frozen importlib", STANDARD + "importlib/", self.in_pytest)):
                return True
            if not name.startswith(STANDARD) or "-packages" in name:
                return False
            frame = frame.f_back
        return False

    # -- pytest ---------------------------------------------------------------------------------

    def pytest_runtest_protocol(self, item: "Any") -> "Generator[None, Any, None]":
        before, self.now = self.now, Ran()
        ran, known = self.now, self.tests.get(item.nodeid)
        self.users.setdefault(item.nodeid, set()).update(fixtures_of(item))
        self.restart()
        ran.unknown = not self.listening()
        yield
        # A test that was run again, by a plugin, is the same test.
        ran.unknown = ran.unknown or not self.listening()
        if known is not None:
            ran.take(known)
        self.tests[item.nodeid] = ran
        # Not seen again before the next test: to listen anew is most of what listening costs.
        self.now = before

    def pytest_runtest_teardown(self, item: "Any") -> None:
        """By now it is known which fixtures the test asked for while it ran."""
        asked = getattr(getattr(item, "_request", None), "_fixture_defs", None) or {}
        self.users.setdefault(item.nodeid, set()).update(id(each) for each in asked.values())

    def pytest_fixture_setup(
        self, fixturedef: "Any", request: "Any"
    ) -> "Generator[None, Any, None]":
        if fixturedef.scope == "function":
            yield
            return
        ran = self.fixtures.setdefault(id(fixturedef), (fixturedef, Ran()))[1]
        outer: List[Ran] = []

        def enter() -> None:
            outer.append(self.now)
            self.now = ran
            self.restart()

        def leave() -> None:
            if outer:
                self.now = outer.pop()
                self.restart()

        # Finalizers run last in, first out: the fixture's own teardown lies between these two.
        fixturedef.addfinalizer(leave)
        asked = getattr(request, "_fixture_defs", None) or {}
        before = set(map(id, asked.values()))
        enter()
        yield
        leave()
        ran.needs.update(id(each) for each in asked.values() if id(each) not in before)
        fixturedef.addfinalizer(enter)

    # -- telling --------------------------------------------------------------------------------

    def report(self, send: "Callable[..., None]") -> None:
        """Everything that was recorded, in lines that are small enough to be read."""
        self.imported |= self.outside.functions
        for first in range(0, len(self.table), 1000):
            send("functions", self.table[first : first + 1000])
        send("ran-outside", packed(self.imported), *self.wire(self.outside)[1:])
        for keeper in sorted(set(self.extents) - set(self.watched)):
            send("kept", keeper, packed(self.beneath(keeper)))
        left = BYTES_MAX
        for nodeid, ran in self.tests.items():
            for fixture in self.reachable(self.users.get(nodeid, set())):
                ran.take(self.fixtures[fixture][1])
            for keeper in ran.shared:
                beneath = self.beneath(keeper)
                ran.functions |= beneath
                for each in (beneath | {keeper}).intersection(self.opened):
                    ran.files |= self.opened[each]
            line = ["ran", nodeid, *self.wire(ran)]
            left -= len(json.dumps(line))
            if left < 0:
                line = ["ran", nodeid, "", [], [], False, True]
            send(*line)
        send("recorded")

    def beneath(self, keeper: int) -> "Set[int]":
        """What ran inside of it, and inside of those that keep things there."""
        found: Set[int] = set()
        waiting = {keeper}
        while waiting:
            inside = self.extents.get(waiting.pop(), set()) - found
            found |= inside
            waiting |= inside & self.keepers
        return found

    def wire(self, ran: Ran) -> "List[Any]":
        return [
            packed(ran.functions),
            sorted(ran.files),
            sorted(ran.folders),
            ran.spawned,
            ran.unknown,
        ]

    def reachable(self, fixtures: "Set[int]") -> "Set[int]":
        found: Set[int] = set()
        waiting = list(fixtures)
        while waiting:
            fixture = waiting.pop()
            if fixture in self.fixtures and fixture not in found:
                found.add(fixture)
                waiting += self.fixtures[fixture][1].needs
        return found


def fixtures_of(item: "Any") -> "Set[int]":
    """The fixtures that a test names, and those that they name."""
    named = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", None) or {}
    return {id(each) for several in named.values() for each in several}


def packed(numbers: "Set[int]") -> str:
    """A set of numbers as bits, compressed: tests of one suite call much the same functions."""
    bits = bytearray((max(numbers) >> 3) + 1 if numbers else 0)
    for number in numbers:
        bits[number >> 3] |= 1 << (number & 7)
    return base64.b64encode(zlib.compress(bytes(bits), 1)).decode()
