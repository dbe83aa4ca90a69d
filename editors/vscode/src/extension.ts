// Trueup in VS Code: starts the server, and shows what it says. What is offered, what is proved and
// what is applied is the server's business.

import * as vscode from 'vscode';
import { registerCommands } from './commands.ts';
import { Evidence } from './panel/panel.ts';
import { Running } from './running.ts';
import { SideBar } from './sidebar.ts';
import { StatusBar } from './statusbar.ts';

let running: Running | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Trueup', { log: true });
  const evidence = new Evidence(context.extensionUri, log);
  running = new Running(context, evidence, log);
  const statusBar = new StatusBar(running);
  const sideBar = new SideBar(running);
  context.subscriptions.push(
    log,
    evidence,
    running,
    statusBar,
    sideBar,
    registerCommands(context, running, evidence, sideBar),
    running.onDidChange(() => {
      statusBar.update();
      sideBar.refresh();
    }),
    evidence.onDidChange(() => sideBar.refresh()),
  );
  // Later: the editor must not wait for a process to start.
  setImmediate(() => void running?.start());
}

export function deactivate(): Promise<void> | undefined {
  return running?.stop();
}
