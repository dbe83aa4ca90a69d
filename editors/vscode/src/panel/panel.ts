// The panel that shows one suggestion's evidence, and takes the answer.

import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { Answer, ChangedFile, Page, Settled } from '../protocol.ts';
import { html } from './page.ts';

const NOTHING: Answer = { choice: '', reason: '', decide: false };
const SCHEME = 'trueup-evidence';
/** Suggestions of this window whose evidence can still be shown. */
const KEPT_MAX = 20;

interface Shown {
  page: Page;
  settled?: Settled;
}

export class Evidence implements vscode.Disposable {
  private readonly kept = new Map<string, Shown>();
  private readonly settling = new vscode.EventEmitter<void>();
  private panel: vscode.WebviewPanel | undefined;
  private current = '';
  /** Resolves the question that the panel asks; undefined while it asks none. */
  private answered: ((answer: Answer) => void) | undefined;
  private readonly texts: vscode.Disposable;
  /** A page was judged or settled. */
  readonly onDidChange = this.settling.event;

  constructor(
    private readonly extension: vscode.Uri,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.texts = vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
      provideTextDocumentContent: (uri) => this.text(uri),
    });
  }

  /** Show `page` and wait for what the user does; cancelling closes the question. */
  ask(page: Page, cancelled: vscode.CancellationToken): Promise<Answer> {
    this.answered?.(NOTHING);
    return new Promise((resolve) => {
      const listening = cancelled.onCancellationRequested(() => this.answer(NOTHING));
      this.answered = (answer) => {
        listening.dispose();
        this.answered = undefined;
        resolve(answer);
      };
      this.keep(page);
      this.show(page.id);
    });
  }

  /** Remember a suggestion about which nothing is asked; one that was rejected is shown. */
  judged(page: Page): void {
    this.keep(page);
    if (page.outcome === 'rejected' && !this.answered) this.show(page.id, true);
  }

  settled(settled: Settled): void {
    const shown = this.kept.get(settled.id);
    if (!shown) return;
    shown.settled = settled;
    if (this.current === settled.id && this.panel) this.render();
    this.settling.fire();
    if (settled.applied) void this.tell(shown.page, settled);
  }

  /** Show the suggestion that was judged last; whether there is one. */
  showLast(): boolean {
    const last = [...this.kept.keys()].at(-1);
    if (last === undefined) return false;
    this.show(this.answered ? this.current : last);
    return true;
  }

  dispose(): void {
    this.answer(NOTHING);
    this.panel?.dispose();
    this.texts.dispose();
    this.settling.dispose();
  }

  /** Say what was applied, with the two things that one may want then. */
  private async tell(page: Page, settled: Settled): Promise<void> {
    const [evidence, undo] = ['Show Evidence', 'Undo'];
    const chosen = await vscode.window.showInformationMessage(
      `${settled.message} Applied.`,
      evidence,
      undo,
    );
    if (chosen === evidence) this.show(page.id);
    if (chosen === undo) await vscode.commands.executeCommand('trueup.undoChange');
  }

  private keep(page: Page): void {
    this.kept.delete(page.id);
    this.kept.set(page.id, { page });
    const oldest = this.kept.keys().next().value;
    if (this.kept.size > KEPT_MAX && oldest !== undefined) this.kept.delete(oldest);
    this.settling.fire();
  }

  private answer(answer: Answer): void {
    this.answered?.(answer);
  }

  private show(id: string, preserveFocus = false): void {
    this.current = id;
    const panel = this.panel ?? this.open(preserveFocus);
    panel.reveal(undefined, preserveFocus);
    this.render();
  }

  private open(preserveFocus: boolean): vscode.WebviewPanel {
    const column = { viewColumn: vscode.ViewColumn.Beside, preserveFocus };
    const panel = vscode.window.createWebviewPanel('trueup.evidence', 'Trueup', column, {
      enableScripts: true,
      enableForms: false,
      enableFindWidget: true,
      retainContextWhenHidden: true,
      localResourceRoots: [
        vscode.Uri.joinPath(this.extension, 'media'),
        vscode.Uri.joinPath(this.extension, 'dist'),
      ],
    });
    panel.iconPath = vscode.Uri.joinPath(this.extension, 'media', 'icon.svg');
    panel.webview.onDidReceiveMessage((message: unknown) => this.received(message));
    panel.onDidDispose(() => {
      this.panel = undefined;
      this.answer(NOTHING);
    });
    this.panel = panel;
    return panel;
  }

  private render(): void {
    const shown = this.kept.get(this.current);
    if (!this.panel || !shown) return;
    const webview = this.panel.webview;
    const file = (...parts: string[]) =>
      webview.asWebviewUri(vscode.Uri.joinPath(this.extension, ...parts)).toString();
    this.panel.title = `${shown.page.outcome}: ${shown.page.title}`;
    webview.html = html(
      shown.page,
      {
        source: webview.cspSource,
        style: file('media', 'evidence.css'),
        script: file('dist', 'keys.js'),
        nonce: randomBytes(16).toString('base64url'),
      },
      shown.settled,
    );
  }

  private received(message: unknown): void {
    const shown = this.kept.get(this.current);
    if (!shown || typeof message !== 'object' || message === null) return;
    const said = message as Record<string, unknown>;
    const { choice, reason, decide } = said;
    if (typeof choice === 'string') {
      if (!shown.page.choices.includes(choice)) return;
      this.answer({
        choice,
        reason: typeof reason === 'string' ? reason : '',
        decide: decide === true,
      });
    } else if (typeof said['compare'] === 'string') {
      void this.compare(shown.page);
    } else if (typeof said['path'] === 'string') {
      void this.openAt(shown.page, said['path'], Number(said['line']) || 1);
    } else if (typeof said['uri'] === 'string' && isDecision(shown.page, said['uri'])) {
      void vscode.window.showTextDocument(vscode.Uri.parse(said['uri'], true));
    }
  }

  private async compare(page: Page): Promise<void> {
    const sides = page.files.map((file, index) => {
      const side = (name: string) => textUri(page, file, index, name);
      return [vscode.Uri.parse(file.uri), side('before'), side('after')];
    });
    await vscode.commands.executeCommand('vscode.changes', page.title, sides);
  }

  private text(uri: vscode.Uri): string {
    const about = new URLSearchParams(uri.query);
    const file = this.kept.get(about.get('id') ?? '')?.page.files[Number(about.get('file'))];
    if (!file) return '';
    return (about.get('side') === 'before' ? file.before : file.after) ?? '';
  }

  private async openAt(page: Page, path: string, line: number): Promise<void> {
    const uri = place(page, path);
    if (!uri) return;
    const at = new vscode.Position(Math.max(0, line - 1), 0);
    try {
      await vscode.window.showTextDocument(uri, {
        selection: new vscode.Range(at, at),
        viewColumn: vscode.ViewColumn.One,
      });
    } catch (problem) {
      this.log.warn(`${path} cannot be shown: ${String(problem)}`);
    }
  }
}

function textUri(page: Page, file: ChangedFile, index: number, side: string): vscode.Uri {
  const query = new URLSearchParams({ id: page.id, file: String(index), side });
  return vscode.Uri.from({ scheme: SCHEME, path: `/${file.path}`, query: query.toString() });
}

function isDecision(page: Page, uri: string): boolean {
  return page.decisions?.some((decision) => decision.uri === uri) ?? false;
}

/** A file that evidence names, in the folder of the files that change. */
function place(page: Page, path: string): vscode.Uri | undefined {
  const changed = page.files[0];
  if (!changed) return undefined;
  const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.parse(changed.uri));
  const uri = folder && vscode.Uri.joinPath(folder.uri, path);
  return uri && vscode.workspace.getWorkspaceFolder(uri) ? uri : undefined;
}
