// The Python environment that the user has selected, from whichever extension knows it.
//
// Both extensions are optional: what they export is looked at, not imported.

import * as vscode from 'vscode';

export interface Selected {
  interpreter: string;
  /** Whose choice it is, for the log. */
  from: string;
}

interface PythonEnvironments {
  getEnvironment(
    scope: vscode.Uri | undefined,
  ): Promise<{ execInfo?: { run?: { executable?: string } } } | undefined>;
  onDidChangeEnvironment?: vscode.Event<unknown>;
}

interface PythonExtension {
  environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { path: string };
    resolveEnvironment(environment: {
      path: string;
    }): Promise<{ executable: { uri?: vscode.Uri } } | undefined>;
    onDidChangeActiveEnvironmentPath?: vscode.Event<unknown>;
  };
}

const ENVIRONMENTS = 'ms-python.vscode-python-envs';
const PYTHON = 'ms-python.python';

/** How long another extension may take to say which environment is selected. */
const ANSWER_MS = 5_000;

/** The selected environment, or undefined where nobody knows one. */
export async function selectedEnvironment(
  folder: vscode.Uri | undefined,
  log: vscode.LogOutputChannel,
): Promise<Selected | undefined> {
  for (const [id, ask] of [
    [ENVIRONMENTS, askEnvironments],
    [PYTHON, askPython],
  ] as const) {
    const extension = vscode.extensions.getExtension<unknown>(id);
    if (!extension) continue;
    try {
      const interpreter = await inTime(extension.activate().then((api) => ask(api, folder)));
      if (interpreter) return { interpreter, from: extension.packageJSON.displayName ?? id };
    } catch (problem) {
      // Another extension's fault must not stop ours; the next source is asked.
      log.warn(`${id} did not say which environment is selected: ${String(problem)}`);
    }
  }
  return undefined;
}

/** Call `changed` when another environment is selected. */
export function onDidSelect(changed: () => void): vscode.Disposable {
  const found: vscode.Disposable[] = [];
  const environments = active<PythonEnvironments>(ENVIRONMENTS);
  if (environments?.onDidChangeEnvironment)
    found.push(environments.onDidChangeEnvironment(changed));
  const python = active<PythonExtension>(PYTHON);
  const event = python?.environments.onDidChangeActiveEnvironmentPath;
  if (event) found.push(event(changed));
  return vscode.Disposable.from(...found);
}

function active<T>(id: string): T | undefined {
  const extension = vscode.extensions.getExtension<T>(id);
  return extension?.isActive ? extension.exports : undefined;
}

async function askEnvironments(api: unknown, folder: vscode.Uri | undefined) {
  const selected = await (api as PythonEnvironments).getEnvironment(folder);
  return selected?.execInfo?.run?.executable;
}

async function askPython(api: unknown, folder: vscode.Uri | undefined) {
  const { environments } = api as PythonExtension;
  const resolved = await environments.resolveEnvironment(
    environments.getActiveEnvironmentPath(folder),
  );
  return resolved?.executable.uri?.fsPath;
}

function inTime<T>(answer: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('no answer in time')), ANSWER_MS);
    Promise.resolve(answer)
      .then(resolve, reject)
      .finally(() => clearTimeout(late));
  });
}
