// The side bar: what is suggested and was, what is decided, what was spent today.

import * as vscode from 'vscode';
import { METHOD, type PastSuggestion, type RecordedDecision } from './protocol.ts';
import type { Running } from './running.ts';

const SUGGESTIONS_MAX = 50;
const STATUSES = ['accepted', 'proposed', 'needs-review', 'superseded', 'rejected', 'retired'];
const RULINGS: Record<string, string> = {
  verified: 'pass',
  unproven: 'question',
  rejected: 'error',
};

/** A line of a tree, with the lines below it. */
interface Row extends vscode.TreeItem {
  rows?: Row[];
}

type Rows = () => Promise<Row[]>;

/** A tree that asks the server again whenever it is told to. */
class Tree implements vscode.TreeDataProvider<Row> {
  private readonly changing = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changing.event;

  constructor(private readonly rows: Rows) {}

  refresh(): void {
    this.changing.fire();
  }

  getTreeItem(row: Row): Row {
    return row;
  }

  async getChildren(row?: Row): Promise<Row[]> {
    return row ? (row.rows ?? []) : this.rows();
  }
}

export class SideBar implements vscode.Disposable {
  private readonly suggestions: Tree;
  private readonly decisions: Tree;
  private readonly spend: Tree;
  private readonly views: vscode.Disposable;

  constructor(running: Running) {
    this.suggestions = new Tree(async () => [
      ...(running.status?.jobs ?? []).map(jobRow),
      ...(
        (await running.request<PastSuggestion[]>(METHOD.suggestions, { limit: SUGGESTIONS_MAX })) ??
        []
      ).map(suggestionRow),
    ]);
    this.decisions = new Tree(async () =>
      byStatus((await running.request<RecordedDecision[]>(METHOD.decisions, {})) ?? []),
    );
    this.spend = new Tree(async () => spendRows(running));
    const register = (name: string, tree: Tree) =>
      vscode.window.registerTreeDataProvider(`trueup.${name}`, tree);
    this.views = vscode.Disposable.from(
      register('suggestions', this.suggestions),
      register('decisions', this.decisions),
      register('spend', this.spend),
    );
  }

  /** Ask the server again; a view that nobody sees asks when it is shown. */
  refresh(): void {
    this.suggestions.refresh();
    this.decisions.refresh();
    this.spend.refresh();
  }

  dispose(): void {
    this.views.dispose();
  }
}

function row(label: string, icon: string, more: Partial<Row> = {}): Row {
  const state = more.rows
    ? vscode.TreeItemCollapsibleState.Expanded
    : vscode.TreeItemCollapsibleState.None;
  const item: Row = new vscode.TreeItem(label, state);
  item.iconPath = new vscode.ThemeIcon(icon);
  return Object.assign(item, more);
}

function jobRow({ title, says }: { title: string; says: string }): Row {
  return row(title, 'sync~spin', { description: says, tooltip: `${title}: ${says}` });
}

function suggestionRow(past: PastSuggestion): Row {
  const cost = past.usd ? `$${past.usd.toFixed(4)}` : '';
  const description = [past.outcome, past.answer, cost].filter(Boolean).join(' · ');
  return row(past.title, RULINGS[past.outcome] ?? 'circle-outline', {
    description,
    tooltip: `${past.title}: ${description}`,
    command: { command: 'trueup.openTrace', title: 'Open the Trace', arguments: [past.trace] },
  });
}

function byStatus(decisions: RecordedDecision[]): Row[] {
  const rank = (status: string) => {
    const found = STATUSES.indexOf(status);
    return found < 0 ? STATUSES.length : found;
  };
  const groups = new Map<string, RecordedDecision[]>();
  for (const decision of decisions)
    groups.set(decision.status, [...(groups.get(decision.status) ?? []), decision]);
  return [...groups]
    .sort(([one], [other]) => rank(one) - rank(other))
    .map(([status, found]) =>
      row(status, 'law', { description: String(found.length), rows: found.map(decisionRow) }),
    );
}

function decisionRow(decision: RecordedDecision): Row {
  const uri = vscode.Uri.parse(decision.uri, true);
  const scope = decision.paths.join(', ') || 'everywhere';
  const name = decision.number ? `${decision.number} ${decision.title}` : decision.title;
  return row(name, decision.severity === 'veto' ? 'error' : 'info', {
    description: `${decision.severity} · ${scope}`,
    tooltip: `${name}\n${decision.severity}, in ${scope}`,
    command: { command: 'vscode.open', title: 'Open', arguments: [uri] },
  });
}

function spendRows(running: Running): Row[] {
  const status = running.status;
  if (!status) return [row(running.trouble, 'warning')];
  const rows = [row(status.says, 'pulse')];
  if (status.isolation !== null)
    rows.push(row(status.isolation || 'not looked at yet', 'shield', { description: 'isolation' }));
  if (status.spend) {
    const { day_usd, day_usd_limit, day_tokens, day_tokens_limit } = status.spend;
    rows.push(
      row(`$${day_usd.toFixed(2)} of $${day_usd_limit.toFixed(2)}`, 'credit-card', {
        description: 'spent today',
      }),
      row(
        `${day_tokens.toLocaleString('en')} of ${day_tokens_limit.toLocaleString('en')}`,
        'symbol-number',
        {
          description: 'tokens today',
        },
      ),
    );
  }
  return rows;
}
