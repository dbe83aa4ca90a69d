"""VS Code, driven from both of its sides: the window, as a person sees it, and the extension host.

The window is code-server's in a headless Chromium. What is asked of the extension host is
JavaScript over the API of extensions; an extension of the tests runs it and answers with JSON.
Nobody here waits for a time to pass: the window waits for what it shows, the host for events.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as DriverTimeoutError
from watchfiles import watch

from support.vs_code_tools import Tools

READY_SECONDS: Final = 60
ANSWER_SECONDS: Final = 40
WINDOW_SECONDS: Final = 45
SHOWN_SECONDS: Final = 30
OPENINGS_MAX: Final = 4
OPENING_SECONDS: Final = 8

USER_SETTINGS: Final = {
    "chat.disableAIFeatures": True,
    "editor.minimap.enabled": False,
    "extensions.autoCheckUpdates": False,
    "extensions.autoUpdate": False,
    "files.autoSave": "off",
    "git.enabled": False,
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "window.commandCenter": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
}

Json = Any

# A loaded machine is slow, not wrong.
expect.set_options(timeout=SHOWN_SECONDS * 1000)


class HostError(AssertionError):
    """What ran in the extension host failed; says how."""


@dataclass
class Window:
    """One window of VS Code on a folder."""

    page: Page
    port: int
    folder: Path

    def host(self, code: str, **given: object) -> Json:
        """What `code`, the body of an async function, returns in the extension host.

        It knows `vscode`, `given`, and `until(event, look)`. Raises HostError.
        """
        body = json.dumps({"code": code, "given": given}).encode()
        url = f"http://127.0.0.1:{self.port}/"
        with urllib.request.urlopen(url, body, timeout=ANSWER_SECONDS) as answer:
            said = json.load(answer)
        if "problem" in said:
            raise HostError(said["problem"])
        return said["value"]

    def command(self, name: str, *arguments: object) -> None:
        """Start a command as a key does, without waiting for its end."""
        self.host(
            "void vscode.commands.executeCommand(given.name, ...given.all)",
            name=name,
            all=arguments,
        )

    def open(self, path: str, at: str = "") -> None:
        """Show a file of the folder, with the cursor at the first place of `at`."""
        self.host(
            """
            const document = await vscode.workspace.openTextDocument(given.file);
            const editor = await vscode.window.showTextDocument(
                document, { preview: false, viewColumn: vscode.ViewColumn.One });
            const place = document.positionAt(Math.max(0, document.getText().indexOf(given.at)));
            editor.selection = new vscode.Selection(place, place);
            editor.revealRange(editor.selection, vscode.TextEditorRevealType.InCenter);
            """,
            file=str(self.folder / path),
            at=at,
        )

    def focus(self) -> None:
        """Let the keyboard go to the editor."""
        self.host("await vscode.commands.executeCommand('workbench.action.focusActiveEditorGroup')")

    def text(self, path: str) -> str:
        """The text of a file as the editor holds it."""
        found: str = self.host(
            "return (await vscode.workspace.openTextDocument(given.file)).getText()",
            file=str(self.folder / path),
        )
        return found

    def text_when(self, path: str, holds: str, *, absent: bool = False) -> str:
        """The text of a file once it holds `holds`, or does not any more."""
        found: str = self.host(
            """
            const document = await vscode.workspace.openTextDocument(given.file);
            await until(vscode.workspace.onDidChangeTextDocument,
                () => document.getText().includes(given.holds) !== given.absent);
            return document.getText();
            """,
            file=str(self.folder / path),
            holds=holds,
            absent=absent,
        )
        return found

    def diagnostics(self, path: str, *, some: bool = True) -> list[str]:
        """What Trueup says of a file, once it says something, or nothing any more."""
        found: list[str] = self.host(
            """
            const uri = vscode.Uri.file(given.file);
            const own = () => vscode.languages.getDiagnostics(uri)
                .filter(({ source }) => source === 'trueup');
            await until(vscode.languages.onDidChangeDiagnostics,
                () => own().length > 0 === given.some);
            return own().map(({ message }) => message);
            """,
            file=str(self.folder / path),
            some=some,
        )
        return found

    def report_ruff(self, path: str, code: str) -> None:
        """Let Ruff's first finding of a rule be shown, as Ruff's own extension shows it."""
        program = str(Path(sys.executable).parent / "ruff")
        options = ("--no-cache", "--output-format=json", f"--select={code}")
        done = subprocess.run(
            (program, "check", *options, path),
            cwd=self.folder,
            capture_output=True,
            timeout=ANSWER_SECONDS,
            check=False,
        )
        found = json.loads(done.stdout)[0]
        ends = (found["location"], found["end_location"])
        self.host(
            """
            const { range, message, rule } = given;
            const diagnostic = new vscode.Diagnostic(
                new vscode.Range(...range), message, vscode.DiagnosticSeverity.Warning);
            Object.assign(diagnostic, { source: 'Ruff', code: rule });
            globalThis.reported?.dispose();
            globalThis.reported = vscode.languages.createDiagnosticCollection('ruff');
            globalThis.reported.set(vscode.Uri.file(given.file), [diagnostic]);
            """,
            file=str(self.folder / path),
            rule=code,
            message=found["message"],
            range=[number - 1 for end in ends for number in (end["row"], end["column"])],
        )

    def pick(self, title: str) -> None:
        """Open the light bulb at the cursor and pick the action whose title begins so."""
        self.focus()
        menu = self.page.locator(".action-widget").first
        row = menu.locator(".monaco-list-row", has_text=title).first
        for _ in range(OPENINGS_MAX):
            self.command("editor.action.quickFix")
            try:
                row.wait_for(timeout=OPENING_SECONDS * 1000)
            except DriverTimeoutError:
                # An editor that still scrolls closes its menu; a person opens it again.
                continue
            row.click()
            return
        raise AssertionError(f"the light bulb does not offer {title}")

    def actions(self, path: str, at: str) -> list[str]:
        """The titles of what the light bulb offers at the first place of `at`."""
        found: list[str] = self.host(
            """
            const uri = vscode.Uri.file(given.file);
            const document = await vscode.workspace.openTextDocument(uri);
            const place = document.positionAt(document.getText().indexOf(given.at));
            const found = await vscode.commands.executeCommand(
                'vscode.executeCodeActionProvider', uri, new vscode.Range(place, place));
            return found.map(({ title }) => title);
            """,
            file=str(self.folder / path),
            at=at,
        )
        return found

    def active_when(self, part: str) -> str:
        """The path of the active file, relative to the folder, once `part` is in it."""
        file = self.host(
            """
            const path = () => vscode.window.activeTextEditor?.document.uri.fsPath ?? '';
            await until(vscode.window.onDidChangeActiveTextEditor,
                () => path().includes(given.part));
            return path();
            """,
            part=part,
        )
        return Path(file).relative_to(self.folder).as_posix()

    def say(self, text: str) -> None:
        """Answer the question for a line of text."""
        field = self.page.locator(".quick-input-widget input[type=text]").first
        expect(field).to_be_visible()
        field.fill(text)
        field.press("Enter")

    def toast(self, text: str) -> Locator:
        """A message in the corner of the window."""
        return self.page.locator(".notification-toast", has_text=text).first

    def answer(self, text: str, button: str) -> None:
        """Press a button of a message."""
        toast = self.toast(text)
        expect(toast).to_be_visible()
        toast.locator(".monaco-button", has_text=button).first.click()

    @property
    def evidence(self) -> FrameLocator:
        """The inside of the evidence panel."""
        outer = self.page.frame_locator("iframe.webview.ready")
        return outer.frame_locator("#active-frame")

    def undo(self) -> None:
        """One step back in the active editor."""
        self.focus()
        self.host("await vscode.commands.executeCommand('undo')")

    def configured(self, name: str) -> object:
        """A setting as it is in force."""
        return self.host("return vscode.workspace.getConfiguration().get(given.name)", name=name)

    def configure(self, name: str, value: object) -> None:
        """Change a setting of this machine."""
        self.host(
            "await vscode.workspace.getConfiguration().update(given.name, given.value, true)",
            name=name,
            value=value,
        )

    def shoot(self, file: Path) -> None:
        """Keep a picture of the window."""
        file.parent.mkdir(exist_ok=True)
        self.page.screenshot(path=file)

    def forget(self) -> None:
        """Close all editors and messages; what was not saved is gone."""
        self.host(
            """
            globalThis.reported?.dispose();
            const close = 'workbench.action.revertAndCloseActiveEditor';
            for (const document of vscode.workspace.textDocuments)
                if (document.isDirty && document.uri.scheme === 'file') {
                    await vscode.window.showTextDocument(document);
                    await vscode.commands.executeCommand(close);
                }
            // What was never saved would be asked about, were it not reverted first.
            const open = vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).length;
            for (let count = 0; count < open; count++) await vscode.commands.executeCommand(close);
            await vscode.commands.executeCommand('notifications.clearAll');
            """
        )

    def close(self) -> None:
        self.page.context.close()


@contextmanager
def started_browser(tools: Tools) -> Iterator[Browser]:
    """A browser without a window; one serves every Workbench."""
    environment: dict[str, str | float | bool] = {
        "FONTCONFIG_PATH": str(tools.chromium.parent),
        "HOME": tempfile.gettempdir(),
        "LD_LIBRARY_PATH": str(tools.libraries),
        "PATH": os.environ["PATH"],
    }
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=tools.chromium,
            args=["--no-sandbox", "--disable-gpu"],
            env=environment,
        )
        try:
            yield browser
        finally:
            browser.close()


class Workbench:
    """One VS Code with Trueup and the tests' own extension; use it as a context."""

    def __init__(
        self,
        tools: Tools,
        browser: Browser,
        folder: Path,
        settings: Mapping[str, object],
        *,
        trusting: bool = True,
        config: str = "",
    ) -> None:
        self._tools, self._browser = tools, browser
        self._folder, self._settings = folder, settings
        self._trusting, self._config = trusting, config
        self._ports = folder / "ports"

    def __enter__(self) -> Self:
        for name in ("data/User", "data/Machine", "ports"):
            (self._folder / name).mkdir(parents=True)
        user = USER_SETTINGS | {
            "security.workspace.trust.enabled": not self._trusting,
            "security.workspace.trust.startupPrompt": "never",
            "security.workspace.trust.banner": "always",
        }
        (self._folder / "data/User/settings.json").write_text(json.dumps(user))
        (self._folder / "data/Machine/settings.json").write_text(json.dumps(dict(self._settings)))
        own = self.home / "config" / "trueup"
        own.mkdir(parents=True)
        (own / "config.toml").write_text(self._config)
        for vsix in (self._tools.vsix, self._tools.harness):
            subprocess.run(
                self._command("--install-extension", str(vsix)),
                env=self._environment(),
                capture_output=True,
                check=True,
                timeout=READY_SECONDS,
            )
        self._log = (self._folder / "server.log").open("wb")
        self._process = subprocess.Popen(
            self._command("--auth", "none", "--bind-addr", "127.0.0.1:0"),
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            # Of its own, so that its extension hosts end with it.
            start_new_session=True,
        )
        self.url = self._address()
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    @property
    def home(self) -> Path:
        """Where the state, the cache and the configuration of its user are."""
        return self._folder / "home"

    def open(self, folder: Path) -> Window:
        """A window on a folder, or on a file that names several."""
        before = set(self._ports.glob("*.port"))
        context = self._browser.new_context(viewport={"width": 1360, "height": 850})
        context.set_default_timeout(WINDOW_SECONDS * 1000)
        page = context.new_page()
        what = "workspace" if folder.suffix == ".code-workspace" else "folder"
        page.goto(f"{self.url}/?{what}={quote(str(folder))}")
        port = int(self._new_port(before).read_text())
        page.wait_for_selector(".statusbar-item")
        return Window(page, port, folder.parent if what == "workspace" else folder)

    def _new_port(self, before: set[Path]) -> Path:
        until = time.monotonic() + WINDOW_SECONDS
        # The file system tells of changes; each of them may be another window's.
        for _ in watch(self._ports, yield_on_timeout=True, rust_timeout=250, debounce=50):
            new = set(self._ports.glob("*.port")) - before
            if new:
                return new.pop()
            if time.monotonic() > until:
                break
        raise AssertionError("the extension host did not start")

    def _command(self, *arguments: str) -> list[str]:
        node = shutil.which("node", path=str(Path(sys.executable).parent))
        folders = {"--user-data-dir": "data", "--extensions-dir": "extensions"}
        own = [part for name, at in folders.items() for part in (name, str(self._folder / at))]
        quiet = [
            "--disable-telemetry",
            "--disable-update-check",
            "--disable-getting-started-override",
        ]
        return [str(node), str(self._tools.entry), *own, *quiet, *arguments]

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ANTHROPIC_", "XDG_", "VSCODE_", "PYTEST_"))
        }
        folders = {
            f"XDG_{kind}_HOME": str(self.home / kind.lower())
            for kind in ("STATE", "CACHE", "CONFIG", "DATA")
        }
        own = {"TRUEUP_HARNESS": str(self._ports)}
        return kept | folders | own

    def _address(self) -> str:
        for line in self._process.stdout or ():
            _, found, url = line.partition("HTTP server listening on ")
            if found:
                return url.strip().rstrip("/")
        raise AssertionError("code-server did not start")
