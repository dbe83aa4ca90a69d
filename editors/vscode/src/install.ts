// An environment of the extension's own, with the server in it, for who has none yet.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import { managedProgram, pythonsOnPath } from './finding.ts';

const run = promisify(execFile);
const OLDEST = [3, 11] as const;
const PROBE_MS = 10_000;
const INSTALL_MS = 10 * 60 * 1000;

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** The folder of the environment that is installed; it may not exist yet. */
export function managedFolder(context: vscode.ExtensionContext): string {
  return join(context.globalStorageUri.fsPath, 'server');
}

/** Make that environment. Returns a sentence where that cannot be done. */
export async function install(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
): Promise<string> {
  const windows = process.platform === 'win32';
  const folders = (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath);
  const pythons = pythonsOnPath({ path: process.env['PATH'] ?? '', folders, windows }, isFile);
  const python = await newEnough(pythons, log);
  if (typeof python !== 'string') return tooOld(python.newest);
  const wanted =
    vscode.workspace.getConfiguration('trueup').get<string>('package') ||
    `trueup==${String(context.extension.packageJSON.version)}`;
  const folder = managedFolder(context);
  const options = { location: vscode.ProgressLocation.Notification, title: 'Installing Trueup' };
  return vscode.window.withProgress(options, async () => {
    try {
      mkdirSync(context.globalStorageUri.fsPath, { recursive: true });
      rmSync(folder, { recursive: true, force: true });
      await run(python, ['-I', '-m', 'venv', folder], { timeout: INSTALL_MS });
      const own = join(folder, windows ? 'Scripts' : 'bin', windows ? 'python.exe' : 'python');
      const pip = ['-I', '-m', 'pip', 'install', '--disable-pip-version-check', wanted];
      await run(own, pip, { timeout: INSTALL_MS });
    } catch (problem) {
      log.error(String(problem));
      return `${wanted} could not be installed; the log says why.`;
    }
    if (existsSync(managedProgram(folder, windows))) return '';
    return `${wanted} was installed, but brought no program called trueup.`;
  });
}

function tooOld(newest: string): string {
  return newest
    ? `Trueup needs Python 3.11 or newer to run; the newest found here is ${newest}. Your project may keep its own.`
    : 'Trueup needs Python 3.11 or newer to run, and no Python was found on PATH.';
}

async function newEnough(
  pythons: string[],
  log: vscode.LogOutputChannel,
): Promise<string | { newest: string }> {
  let newest: [number, number] | undefined;
  for (const python of pythons) {
    const version = await versionOf(python, log);
    if (!version) continue;
    if (!before(version, OLDEST)) return python;
    if (!newest || before(newest, version)) newest = version;
  }
  return { newest: newest ? newest.join('.') : '' };
}

async function versionOf(
  python: string,
  log: vscode.LogOutputChannel,
): Promise<[number, number] | undefined> {
  const ask = ['-I', '-c', 'import sys; print(*sys.version_info[:2])'];
  try {
    const { stdout } = await run(python, ask, { timeout: PROBE_MS });
    const [major, minor] = stdout.trim().split(' ').map(Number);
    return major && minor !== undefined ? [major, minor] : undefined;
  } catch (problem) {
    log.warn(`${python}: ${String(problem)}`);
    return undefined;
  }
}

function before(one: readonly [number, number], other: readonly [number, number]): boolean {
  return one[0] < other[0] || (one[0] === other[0] && one[1] < other[1]);
}
