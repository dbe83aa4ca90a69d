// Bundles the extension, and lays beside it what a package needs: the licence and the change log.
import { copyFileSync } from 'node:fs';
import { build } from 'esbuild';

const root = new URL('../../', import.meta.url);
for (const name of ['LICENSE', 'CHANGELOG.md']) {
  copyFileSync(new URL(name, root), new URL(name, import.meta.url));
}

const common = { bundle: true, minify: true, legalComments: 'none', logLevel: 'warning' };
await build({
  ...common,
  entryPoints: ['src/extension.ts'],
  outfile: 'dist/extension.cjs',
  platform: 'node',
  format: 'cjs',
  target: 'node18',
  external: ['vscode'],
});
await build({
  ...common,
  entryPoints: ['src/panel/keys.ts'],
  outfile: 'dist/keys.js',
  platform: 'browser',
  format: 'iife',
  target: 'es2022',
});
