// Which server to start. Pure: what the disk and the editor hold is handed in.
//
// Nothing that a folder brings along is ever chosen before the folder is trusted: not its
// environment, and no entry of PATH that leads into it.

import { delimiter, dirname, isAbsolute, join, relative } from 'node:path';

export interface Command {
  program: string;
  args: string[];
  environment?: Record<string, string>;
}

export interface Found extends Command {
  /** Where it was found, as a sentence goes on after "Trueup's server is". */
  says: string;
}

/** What was looked at; empty strings for what there is not. */
export interface Places {
  trusted: boolean;
  /** The setting trueup.path. */
  setting: string;
  /** The interpreter of the selected Python environment. */
  interpreter: string;
  /** Whose environment that is, as the log names it. */
  interpreterFrom: string;
  /** The variable PATH. */
  path: string;
  /** The folder of the extension, which may hold a server. */
  extension: string;
  /** The environment that "Install the Server" makes. */
  managed: string;
  /** The folders of this window. */
  folders: string[];
  windows: boolean;
}

export type IsFile = (path: string) => boolean;

/** The server to start, or undefined where there is none. */
export function findServer(places: Places, isFile: IsFile): Found | undefined {
  const looks = places.trusted
    ? [bySetting, inEnvironment, onPath, bundled, managed]
    : [bundled, managed, bySetting, onPath];
  for (const look of looks) {
    const found = look(places, isFile);
    if (found) return found;
  }
  return undefined;
}

function bySetting({ setting, folders, trusted }: Places, isFile: IsFile): Found | undefined {
  if (!setting || !isFile(setting)) return undefined;
  if (!trusted && isWithin(setting, folders)) return undefined;
  return { program: setting, args: ['serve'], says: `the one of the setting trueup.path` };
}

function inEnvironment(places: Places, isFile: IsFile): Found | undefined {
  if (!places.interpreter) return undefined;
  const program = beside(places.interpreter, places.windows);
  if (!isFile(program)) return undefined;
  return {
    program,
    args: ['serve'],
    says: `in the environment that ${places.interpreterFrom} selects`,
  };
}

function onPath({ path, folders, trusted, windows }: Places, isFile: IsFile): Found | undefined {
  for (const folder of path.split(delimiter)) {
    // A relative entry means another program in each folder.
    if (!folder || !isAbsolute(folder)) continue;
    if (!trusted && isWithin(folder, folders)) continue;
    const program = join(folder, executable('trueup', windows));
    if (isFile(program)) return { program, args: ['serve'], says: 'on PATH' };
  }
  return undefined;
}

function bundled(places: Places, isFile: IsFile): Found | undefined {
  const libraries = join(places.extension, 'bundled', 'libs');
  if (!isFile(join(libraries, 'trueup', '__main__.py'))) return undefined;
  const program = pythonOnPath(places, isFile);
  if (!program) return undefined;
  // -I: neither the folder nor the variables of the user decide what is imported.
  const start = `import sys; sys.path.insert(0, ${JSON.stringify(libraries)}); sys.argv[1:] = ["serve"]; from trueup.__main__ import main; sys.exit(main())`;
  return { program, args: ['-I', '-c', start], says: 'the one that this extension brings along' };
}

function managed(places: Places, isFile: IsFile): Found | undefined {
  const program = managedProgram(places.managed, places.windows);
  if (!isFile(program)) return undefined;
  return { program, args: ['serve'], says: 'the one that this extension has installed' };
}

/** The server in the environment that the extension manages. */
export function managedProgram(folder: string, windows: boolean): string {
  return join(folder, windows ? 'Scripts' : 'bin', executable('trueup', windows));
}

/** Names under which Pythons are found, the newest that is known to work first. */
export const PYTHONS = ['python3.13', 'python3.12', 'python3.11', 'python3', 'python'];

/** Pythons of the machine, none of them within a folder of this window. */
export function pythonsOnPath(
  { path, folders, windows }: Pick<Places, 'path' | 'folders' | 'windows'>,
  isFile: IsFile,
): string[] {
  const entries = path
    .split(delimiter)
    .filter((entry) => isAbsolute(entry) && !isWithin(entry, folders));
  return PYTHONS.flatMap((name) =>
    entries.map((entry) => join(entry, executable(name, windows))).filter(isFile),
  );
}

function pythonOnPath(places: Places, isFile: IsFile): string | undefined {
  return pythonsOnPath(places, isFile)[0];
}

function beside(interpreter: string, windows: boolean): string {
  return join(dirname(interpreter), executable('trueup', windows));
}

function executable(name: string, windows: boolean): string {
  return windows ? `${name}.exe` : name;
}

function isWithin(path: string, folders: string[]): boolean {
  return folders.some((folder) => {
    const way = relative(folder, path);
    return way === '' || (!way.startsWith('..') && !isAbsolute(way));
  });
}
