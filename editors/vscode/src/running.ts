// The server of this window: found, started, told of trust, started again when it dies, and left
// alone once it has died too often.

import * as vscode from 'vscode';
import type {
  ErrorHandler,
  LanguageClient,
  LanguageClientOptions,
  ServerOptions,
} from 'vscode-languageclient/node';
import { Crashes, CRASHES_MAX } from './crashes.ts';
import { onDidSelect, selectedEnvironment, type Selected } from './environments.ts';
import { findServer, type Found } from './finding.ts';
import { isFile, managedFolder } from './install.ts';
import type { Evidence } from './panel/panel.ts';
import { METHOD, type Page, type Settled, type Status } from './protocol.ts';
import { serverSettings } from './settings.ts';
import { versionChecks } from './versions.ts';

/** Loaded when a server is started: activation must not wait for the protocol. */
type Protocol = typeof import('vscode-languageclient/node');

export class Running implements vscode.Disposable {
  private client: LanguageClient | undefined;
  /** Changes of state happen one after the other. */
  private turn: Promise<void> = Promise.resolve();
  private readonly crashes = new Crashes();
  private readonly changing = new vscode.EventEmitter<void>();
  private readonly listening: vscode.Disposable[] = [];
  private selecting: vscode.Disposable | undefined;
  private said: Status | undefined;
  /** Why no server runs, as one sentence; "" while one does. */
  trouble = 'Trueup is starting.';
  readonly onDidChange = this.changing.event;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly evidence: Evidence,
    readonly log: vscode.LogOutputChannel,
  ) {
    this.listening.push(
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.trusted()),
      vscode.workspace.onDidChangeConfiguration((change) => {
        const matters = change.affectsConfiguration('trueup');
        if (matters && !change.affectsConfiguration('trueup.trace')) void this.restart();
      }),
    );
  }

  get status(): Status | undefined {
    return this.trouble ? undefined : this.said;
  }

  /** Start the server, or say why there is none. */
  start(): Promise<void> {
    return this.inTurn(() => this.begin());
  }

  /** Stop the server and start it anew; what it died of before is forgotten. */
  restart(): Promise<void> {
    this.crashes.forget();
    return this.inTurn(async () => {
      await this.end();
      await this.begin();
    });
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.end());
  }

  /** The answer of the server; undefined, with the reason shown, where none can be had. */
  async request<T>(method: string, params: object): Promise<T | undefined> {
    const client = this.client;
    if (!client?.isRunning()) return undefined;
    try {
      return await client.sendRequest<T>(method, params);
    } catch (problem) {
      this.log.warn(`${method}: ${String(problem)}`);
      return undefined;
    }
  }

  /** Run a command of the server, which shows its own errors. */
  async command(command: string, ...args: unknown[]): Promise<void> {
    await this.turn;
    if (!this.client?.isRunning()) {
      void vscode.window.showWarningMessage(this.trouble);
      return;
    }
    try {
      await this.client.sendRequest('workspace/executeCommand', { command, arguments: args });
    } catch (problem) {
      // The server has told the user; the log has it for whoever looks closer.
      this.log.warn(`${command}: ${String(problem)}`);
    }
  }

  dispose(): void {
    vscode.Disposable.from(...this.listening, this.changing).dispose();
    this.selecting?.dispose();
  }

  private inTurn(step: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(step).catch((problem: unknown) => {
      this.log.error(problem instanceof Error ? problem : String(problem));
      this.becomes(`Trueup's server did not start: ${sentence(problem)}`);
    });
    return this.turn;
  }

  private async begin(): Promise<void> {
    const folder = vscode.workspace.workspaceFolders?.[0];
    const trusted = vscode.workspace.isTrusted;
    const selected = trusted ? await selectedEnvironment(folder?.uri, this.log) : undefined;
    const found = this.find(selected, trusted);
    this.selecting?.dispose();
    this.selecting = onDidSelect(() => void this.restart());
    if (!found) {
      this.becomes(
        trusted
          ? 'Trueup has no server yet: install it, or name one in the setting trueup.path.'
          : 'Trueup has no server outside of this folder, and starts none from a folder that is not trusted.',
      );
      this.log.warn(this.trouble);
      void this.offerToInstall();
      return;
    }
    this.log.info(`Trueup's server is ${found.says}: ${found.program}`);
    const protocol = await import('vscode-languageclient/node');
    this.client = this.make(protocol, found, this.interpreter(selected), trusted);
    await this.client.start();
    this.becomes('');
  }

  private find(selected: Selected | undefined, trusted: boolean): Found | undefined {
    return findServer(
      {
        trusted,
        setting: vscode.workspace.getConfiguration('trueup').get<string>('path') ?? '',
        interpreter: selected?.interpreter ?? '',
        interpreterFrom: selected?.from ?? '',
        path: process.env['PATH'] ?? '',
        extension: this.context.extensionPath,
        managed: managedFolder(this.context),
        folders: (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath),
        windows: process.platform === 'win32',
      },
      isFile,
    );
  }

  /** The project's Python: the setting, else what is selected, where that can mean one folder only. */
  private interpreter(selected: Selected | undefined): string {
    const set = vscode.workspace.getConfiguration('trueup').get<string>('interpreter');
    const single = vscode.workspace.workspaceFolders?.length === 1;
    return set || (single ? (selected?.interpreter ?? '') : '');
  }

  private make(
    protocol: Protocol,
    found: Found,
    interpreter: string,
    trusted: boolean,
  ): LanguageClient {
    const configuration = vscode.workspace.getConfiguration('trueup');
    const server: ServerOptions = {
      command: found.program,
      args: found.args,
      options: { env: { ...process.env, ...found.environment } },
    };
    const options: LanguageClientOptions = {
      documentSelector: [{ scheme: 'file', language: 'python' }],
      outputChannel: this.log,
      revealOutputChannelOn: protocol.RevealOutputChannelOn.Never,
      initializationOptions: {
        settings: serverSettings((name) => configuration.get(name), interpreter),
        input: true,
        evidence: true,
        status: true,
        ready: true,
        trusted,
      },
      errorHandler: this.errorHandler(protocol),
      // A failed start is told once, by us.
      initializationFailedHandler: () => false,
      middleware: versionChecks((says) => void vscode.window.showWarningMessage(says)),
    };
    const client = new protocol.LanguageClient('trueup', 'Trueup', server, options);
    client.onRequest(METHOD.input, ({ prompt, value }: { prompt: string; value: string }) =>
      vscode.window
        .showInputBox({ prompt, value, ignoreFocusOut: true })
        .then((line) => line ?? null),
    );
    client.onRequest(METHOD.evidence, (page: Page, cancelled: vscode.CancellationToken) =>
      this.evidence.ask(page, cancelled),
    );
    client.onNotification(METHOD.judged, (page: Page) => this.evidence.judged(page));
    client.onNotification(METHOD.settled, (settled: Settled) => this.evidence.settled(settled));
    client.onNotification(METHOD.status, (status: Status) => {
      this.said = status;
      this.changing.fire();
    });
    return client;
  }

  private errorHandler({ CloseAction, ErrorAction }: Protocol): ErrorHandler {
    return {
      error: (problem) => {
        this.log.warn(`the connection: ${problem.message}`);
        return { action: ErrorAction.Continue, handled: true };
      },
      closed: () => {
        this.said = undefined;
        if (this.crashes.restartsAfter(Date.now())) {
          this.log.warn('the server ended unexpectedly; it is started again');
          this.changing.fire();
          return { action: CloseAction.Restart, handled: true };
        }
        this.becomes(
          `Trueup is in safe mode: its server ended ${CRASHES_MAX} times in a short time.`,
        );
        void this.offerToRestart();
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    };
  }

  private trusted(): void {
    // A server that runs is told; one that was not allowed to start, or a better one, is looked for.
    if (this.client?.isRunning() && vscode.workspace.getConfiguration('trueup').get('path')) {
      void this.client.sendNotification(METHOD.trusted, { trusted: true });
    } else {
      void this.restart();
    }
  }

  private async end(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.becomes('Trueup is stopped.');
    // A client that never came up has nothing to stop.
    if (client?.isRunning()) await client.stop();
    await client?.dispose();
  }

  private becomes(trouble: string): void {
    this.trouble = trouble;
    void vscode.commands.executeCommand('setContext', 'trueup.running', trouble === '');
    this.changing.fire();
  }

  private async offerToInstall(): Promise<void> {
    const install = 'Install the Server';
    if ((await vscode.window.showWarningMessage(this.trouble, install)) === install)
      await vscode.commands.executeCommand('trueup.install');
  }

  private async offerToRestart(): Promise<void> {
    const [restart, logs] = ['Restart', 'Show Logs'];
    const chosen = await vscode.window.showErrorMessage(this.trouble, restart, logs);
    if (chosen === restart) await this.restart();
    if (chosen === logs) this.log.show();
  }
}

function sentence(problem: unknown): string {
  const text = problem instanceof Error ? problem.message : String(problem);
  return text.endsWith('.') ? text : `${text}.`;
}
