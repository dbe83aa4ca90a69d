// What the palette, the side bar and the keys can do. Each asks the server, or says why it cannot.

import * as vscode from 'vscode';
import { install } from './install.ts';
import type { Evidence } from './panel/panel.ts';
import { METHOD, SERVER, type Hit } from './protocol.ts';
import type { Running } from './running.ts';
import type { SideBar } from './sidebar.ts';
import { words } from './statusbar.ts';

const TRACE = 'trueup-trace';

export function registerCommands(
  context: vscode.ExtensionContext,
  running: Running,
  evidence: Evidence,
  sideBar: SideBar,
): vscode.Disposable {
  const commands: Record<string, (...args: unknown[]) => unknown> = {
    showLogs: () => running.log.show(),
    restart: () => running.restart(),
    install: () => installed(context, running),
    showStatus: () => showStatus(running),
    showEvidence: () => {
      if (!evidence.showLast()) say('Nothing was suggested in this window yet.');
    },
    showReadyFix: () => withFile((document, editor) => showReady(running, document, editor)),
    verifyChanges: () => running.command(SERVER.verify, { staged: false }),
    verifyStaged: () => running.command(SERVER.verify, { staged: true }),
    undoChange: () => running.command(SERVER.undo),
    reviewFile: () =>
      withFile((document) => running.command(SERVER.review, { uri: document.uri.toString() })),
    search: () => search(running),
    recordDecision: () =>
      withFile(() =>
        vscode.commands.executeCommand('editor.action.codeAction', {
          kind: 'source.decision.trueup',
          apply: 'ifSingle',
        }),
      ),
    refresh: () => sideBar.refresh(),
    openTrace: (trace) => openTrace(trace),
  };
  return vscode.Disposable.from(
    ...Object.entries(commands).map(([name, run]) =>
      vscode.commands.registerCommand(`trueup.${name}`, run),
    ),
    vscode.workspace.registerTextDocumentContentProvider(TRACE, {
      provideTextDocumentContent: async (uri) => {
        const found = await running.request<{ text: string }>(METHOD.trace, { trace: uri.query });
        return found?.text ?? 'This trace is not kept any more.';
      },
    }),
  );
}

function say(sentence: string): void {
  void vscode.window.showInformationMessage(sentence);
}

/** Do something with the Python file that is being edited, or say why it cannot be done. */
async function withFile(
  act: (document: vscode.TextDocument, editor: vscode.TextEditor) => unknown,
): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const why = whyNot(editor?.document);
  if (why || !editor) say(why);
  else await act(editor.document, editor);
}

function whyNot(document: vscode.TextDocument | undefined): string {
  if (!document) return 'Open a Python file first.';
  if (document.isUntitled) return 'Trueup works on files: save this one first.';
  if (document.uri.scheme === 'vscode-notebook-cell')
    return 'Trueup does not work on notebooks: their cells have no tests that could judge a change.';
  if (document.uri.scheme !== 'file')
    return `Trueup works on files on a disk, and this one is on “${document.uri.scheme}”.`;
  return document.languageId === 'python' ? '' : 'Open a Python file first.';
}

async function installed(context: vscode.ExtensionContext, running: Running): Promise<void> {
  const problem = await install(context, running.log);
  if (problem) void vscode.window.showErrorMessage(problem);
  else await running.restart();
}

async function showStatus(running: Running): Promise<void> {
  const actions: (vscode.QuickPickItem & { command: string })[] = [
    { label: '$(checklist) Verify My Changes', command: 'trueup.verifyChanges' },
    { label: '$(open-preview) Show the Last Evidence', command: 'trueup.showEvidence' },
    { label: '$(law) Decisions, Suggestions, Spend', command: 'trueup.decisions.focus' },
    { label: '$(shield) Manage Workspace Trust', command: 'workbench.trust.manage' },
    { label: '$(output) Show Logs', command: 'trueup.showLogs' },
    { label: '$(debug-restart) Restart the Server', command: 'trueup.restart' },
  ];
  const options = { title: 'Trueup', placeHolder: words(running).join(' ') };
  const chosen = await vscode.window.showQuickPick(actions, options);
  if (chosen) await vscode.commands.executeCommand(chosen.command);
}

/** Show the fix whose lens is nearest to the cursor. */
async function showReady(
  running: Running,
  document: vscode.TextDocument,
  editor: vscode.TextEditor,
): Promise<void> {
  const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
    'vscode.executeCodeLensProvider',
    document.uri,
  );
  const away = (lens: vscode.CodeLens) =>
    Math.abs(lens.range.start.line - editor.selection.active.line);
  const [nearest] = lenses
    .filter((lens) => lens.command?.command === SERVER.ready)
    .sort((one, other) => away(one) - away(other));
  const about: unknown = nearest?.command?.arguments?.[0];
  if (typeof about !== 'object' || about === null) say('No verified fix is ready in this file.');
  else await running.command(SERVER.ready, { ...about, show: true });
}

async function search(running: Running): Promise<void> {
  const query = await vscode.window.showInputBox({ prompt: 'Search decisions and code' });
  if (!query) return;
  const hits = (await running.request<Hit[]>(METHOD.search, { query })) ?? [];
  if (!hits.length) {
    say(running.trouble || 'Nothing was found.');
    return;
  }
  const items = hits.map((hit) => ({
    label: `$(${hit.kind === 'decision' ? 'law' : 'symbol-method'}) ${hit.title}`,
    description: vscode.workspace.asRelativePath(vscode.Uri.parse(hit.uri)),
    detail: hit.why,
    hit,
  }));
  const chosen = await vscode.window.showQuickPick(items, { title: query, matchOnDetail: true });
  if (!chosen) return;
  const at = new vscode.Position(Math.max(0, chosen.hit.line - 1), 0);
  await vscode.window.showTextDocument(vscode.Uri.parse(chosen.hit.uri, true), {
    selection: new vscode.Range(at, at),
  });
}

async function openTrace(trace: unknown): Promise<void> {
  if (typeof trace !== 'string') return;
  const uri = vscode.Uri.from({ scheme: TRACE, path: `trace ${trace}`, query: trace });
  await vscode.window.showTextDocument(uri, { preview: true });
}
