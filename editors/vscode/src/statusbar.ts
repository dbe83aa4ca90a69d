// One item in the status bar: what Trueup does now, and in words what it may do here.

import * as vscode from 'vscode';
import type { Status } from './protocol.ts';
import type { Running } from './running.ts';

const ICONS: Record<Status['state'], string> = {
  ready: 'verified',
  working: 'sync~spin',
  untrusted: 'shield',
  limited: 'shield',
  safe: 'circle-slash',
};

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem(
    'trueup.status',
    vscode.StatusBarAlignment.Right,
    50,
  );

  constructor(private readonly running: Running) {
    this.item.name = 'Trueup';
    this.item.command = 'trueup.showStatus';
    this.update();
    this.item.show();
  }

  update(): void {
    const status = this.running.status;
    const icon = status ? ICONS[status.state] : this.running.trouble ? 'warning' : 'verified';
    this.item.text = `$(${icon}) Trueup`;
    const says = words(this.running);
    this.item.tooltip = says.join('\n');
    this.item.accessibilityInformation = { label: `Trueup: ${says.join(' ')}` };
    this.item.backgroundColor =
      this.running.trouble && !status
        ? new vscode.ThemeColor('statusBarItem.warningBackground')
        : undefined;
  }

  dispose(): void {
    this.item.dispose();
  }
}

/** State, isolation and budget, one sentence each. */
export function words(running: Running): string[] {
  const status = running.status;
  if (!status) return [running.trouble || 'Trueup is ready.'];
  const said = [status.says];
  if (status.isolation) said.push(`Isolation: ${status.isolation}.`);
  if (status.spend) {
    const { day_usd, day_usd_limit } = status.spend;
    said.push(`Spent today: $${day_usd.toFixed(2)} of $${day_usd_limit.toFixed(2)}.`);
  }
  return said;
}
