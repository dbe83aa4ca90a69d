import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serverSettings } from '../src/settings.ts';

function sent(set: Record<string, unknown>, interpreter = ''): Record<string, unknown> {
  return serverSettings(<T>(name: string) => set[name] as T | undefined, interpreter);
}

test('what is not set is left to the file of the machine', () => {
  const unset = { 'model.baseUrl': '', 'model.names': [], 'budget.dayUsd': null };
  assert.deepEqual(sent(unset), { background: {} });
});

test('a budget of nothing is a budget', () => {
  assert.deepEqual(sent({ 'budget.dayUsd': 0 })['budget'], { day_usd: 0 });
});

test('the least isolation is sent where it demands something', () => {
  assert.equal(sent({ 'isolation.minimum': 'any' })['isolation'], undefined);
  assert.deepEqual(sent({ 'isolation.minimum': 'landlock' })['isolation'], { minimum: 'landlock' });
});

test('the interpreter and the model are sent as the server names them', () => {
  const set = { 'model.baseUrl': 'http://localhost:1', 'model.names': ['m'] };
  const made = sent(set, '/usr/bin/python3');
  assert.equal(made['interpreter'], '/usr/bin/python3');
  assert.deepEqual(made['model'], { base_url: 'http://localhost:1', models: ['m'] });
});
