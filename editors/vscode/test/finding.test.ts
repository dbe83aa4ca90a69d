import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findServer, pythonsOnPath, type Places } from '../src/finding.ts';

const places: Places = {
  trusted: true,
  setting: '',
  interpreter: '',
  interpreterFrom: '',
  path: '/home/ada/shop/.venv/bin:/usr/bin',
  extension: '/extension',
  managed: '/storage/server',
  folders: ['/home/ada/shop'],
  windows: false,
};

/** The program that is started when only `files` are there. */
function program(files: string[], more: Partial<Places> = {}): string | undefined {
  return findServer({ ...places, ...more }, (path) => files.includes(path))?.program;
}

const everything = [
  '/opt/trueup',
  '/environment/bin/trueup',
  '/usr/bin/trueup',
  '/storage/server/bin/trueup',
];
const all = {
  setting: '/opt/trueup',
  interpreter: '/environment/bin/python',
  interpreterFrom: 'Python',
};

test('the setting comes first, then the environment, PATH and what was installed', () => {
  for (const [index, file] of everything.entries())
    assert.equal(program(everything.slice(index), all), file);
  assert.equal(program([], all), undefined);
});

test('a folder that is not trusted gets the installed server first', () => {
  assert.equal(program(everything, { ...all, trusted: false }), '/storage/server/bin/trueup');
});

test('nothing of a folder that is not trusted is started', () => {
  const planted = ['/home/ada/shop/trueup', '/home/ada/shop/.venv/bin/trueup'];
  const interpreter = '/home/ada/shop/.venv/bin/python';
  for (const setting of ['', '/home/ada/shop/trueup', '/home/ada/shop/../shop/trueup'])
    assert.equal(
      program([...planted, setting], { setting, interpreter, trusted: false }),
      undefined,
      setting,
    );
});

test('an entry of PATH that is relative means nothing', () => {
  assert.equal(program(['bin/trueup', '/usr/bin/trueup'], { path: 'bin::.' }), undefined);
});

test('the environment is named by who selects it', () => {
  const found = findServer({ ...places, ...all, setting: '' }, () => true);
  assert.equal(found?.says, 'in the environment that Python selects');
});

test('what comes along runs without looking at the folder or the variables of the user', () => {
  const files = ['/extension/bundled/libs/trueup/__main__.py', '/usr/bin/python3'];
  const found = findServer(places, (path) => files.includes(path));
  assert.equal(found?.program, '/usr/bin/python3');
  assert.equal(found?.args[0], '-I');
});

test('on Windows programs end in .exe', () => {
  const found = findServer({ ...places, windows: true }, (path) => path.endsWith('.exe'));
  assert.match(found?.program ?? '', /trueup\.exe$/);
});

test('no Python is taken from a folder of the window', () => {
  assert.deepEqual(
    pythonsOnPath(places, (path) => path.endsWith('python3')),
    ['/usr/bin/python3'],
  );
});
