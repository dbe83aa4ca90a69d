// Edits that were made for a text which is not there any more are refused.
//
// VS Code applies them all the same: to a command's edit the language client adds a check of the
// versions but no reason, and to the edit of a rename it adds none.

import * as vscode from 'vscode';
import type { ApplyWorkspaceEditParams, Middleware } from 'vscode-languageclient/node';

/** Middleware that compares versions before an edit is handed to the editor. */
export function versionChecks(say: (sentence: string) => void): Middleware {
  return {
    workspace: {
      handleApplyEdit: async (params, next) => {
        const stale = stalePath(params);
        if (stale === undefined) return next(params, new vscode.CancellationTokenSource().token);
        return { applied: false, failureReason: `${stale} changed in the meantime` };
      },
    },
    provideRenameEdits: async (document, position, name, token, next) => {
      const versions = new Map(
        vscode.workspace.textDocuments.map((open) => [open.uri.toString(), open.version]),
      );
      const edit = await next(document, position, name, token);
      const moved = edit?.entries().find(([uri]) => {
        const open = openDocument(uri.toString());
        const before = versions.get(uri.toString());
        return open !== undefined && before !== undefined && open.version !== before;
      });
      if (!moved) return edit;
      say(
        `${vscode.workspace.asRelativePath(moved[0])} changed in the meantime; nothing was renamed.`,
      );
      return undefined;
    },
  };
}

function stalePath({ edit }: ApplyWorkspaceEditParams): string | undefined {
  for (const change of edit.documentChanges ?? []) {
    if (!('textDocument' in change) || typeof change.textDocument.version !== 'number') continue;
    const uri = vscode.Uri.parse(change.textDocument.uri);
    const open = openDocument(uri.toString());
    if (open?.version !== change.textDocument.version) return vscode.workspace.asRelativePath(uri);
  }
  return undefined;
}

function openDocument(uri: string): vscode.TextDocument | undefined {
  return vscode.workspace.textDocuments.find((open) => open.uri.toString() === uri);
}
