import assert from 'node:assert/strict';
import { test } from 'node:test';
import { html } from '../src/panel/page.ts';
import type { Page } from '../src/protocol.ts';

const assets = { source: 'https://own', style: 'own.css', script: 'own.js', nonce: 'n0nce' };
const page: Page = {
  id: '1',
  title: 'Use all()',
  kind: 'fix',
  outcome: 'verified',
  message: 'Verified: Use all().',
  choices: ['Apply', 'Discard'],
  reasons: ['wrong', 'never'],
  evidence: [{ check: 'tests', outcome: 'passed', detail: '12 passed', path: 'a.py', line: 3 }],
  files: [],
  diff: '--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-old\n+new\n',
};
const hostile = `<img src=x onerror=alert(1)>"'><script>alert(1)</script>`;

/** `value` with every text in it made hostile. */
function poisoned<T>(value: T): T {
  if (typeof value === 'string') return hostile as T;
  if (Array.isArray(value)) return value.map(poisoned) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === 'outcome' ? item : poisoned(item as unknown),
    ]),
  ) as T;
}

test('nothing is loaded from elsewhere and no script runs but our own', () => {
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html(page, assets));
  assert.equal(
    policy?.[1]?.replaceAll('&#39;', "'"),
    "default-src 'none'; style-src https://own; script-src 'nonce-n0nce'; form-action 'none'; base-uri 'none'",
  );
});

test('no text of a suggestion becomes an element or leaves its attribute', () => {
  const full = {
    ...page,
    tests: { selected: 2, passed: 1, failed: ['t'], red_before: ['u'], durations: { t: 0.1 } },
    counterexample: 'f(0)',
    decisions: [{ id: '7', title: 'HTTP', uri: 'file:///d.md' }],
    isolation: 'namespaces',
    model: 'm',
    plan: 'p',
    trace: 't',
  };
  const made = html(poisoned(full), assets, poisoned({ id: '1', applied: true, message: 'm' }));
  const asked = html(poisoned(full), assets);
  for (const text of [made, asked]) {
    assert.ok(!text.includes('<img'));
    assert.equal(text.match(/<script/g)?.length, 1);
    assert.ok(!text.includes(`"'>`));
  }
});

test('a question has its keys, its reasons and a place for words', () => {
  const made = html(page, assets);
  assert.match(made, /class="primary" data-choice="Apply" aria-keyshortcuts="A"/);
  assert.match(made, /class="discard" data-choice="Discard" aria-keyshortcuts="D"/);
  assert.match(made, /<option>never<\/option>/);
});

test('what is settled asks nothing and says what became of it', () => {
  const made = html(page, assets, { id: '1', applied: true, message: 'Applied.' });
  assert.ok(!made.includes('data-choice'));
  assert.match(made, /role="status">Applied\.</);
});

test('what the head says already is not said again', () => {
  const settled = { id: '1', applied: false, message: page.message };
  const made = html(page, assets, settled);
  assert.equal(made.split(page.message).length, 2);
  assert.match(made, /role="status">Nothing was applied\.</);
});

test('what is rejected says that nothing was applied', () => {
  assert.match(
    html({ ...page, outcome: 'rejected', choices: [] }, assets),
    /Nothing was applied\./,
  );
});

test('each outcome is a word, not a colour alone', () => {
  for (const outcome of ['passed', 'failed', 'unknown'] as const) {
    const made = html({ ...page, evidence: [{ check: 'c', outcome, detail: '' }] }, assets);
    assert.match(made, new RegExp(`</span> ${outcome}</td>`));
  }
});

test('lines of the change are told apart', () => {
  const made = html(page, assets);
  for (const part of ['"file">--- a', '"hunk">@@', '"removed">-old', '"added">+new'])
    assert.ok(made.includes(part), part);
});

test('fields that are not known are left out', () => {
  const made = html({ ...page, evidence: [], diff: '' }, assets);
  assert.ok(!/<h2>/.test(made));
});
