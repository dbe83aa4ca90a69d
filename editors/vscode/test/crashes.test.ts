import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Crashes, CRASHES_MAX, WINDOW_MS } from '../src/crashes.ts';

/** Whether the server is started again after the last of these deaths. */
function restarts(times: number[]): boolean | undefined {
  const crashes = new Crashes();
  return times.map((time) => crashes.restartsAfter(time)).at(-1);
}

test('a server that dies at once is started again until it has died too often', () => {
  const deaths = Array.from({ length: CRASHES_MAX }, (_, index) => index);
  assert.equal(restarts(deaths.slice(1)), true);
  assert.equal(restarts(deaths), false);
});

test('deaths that are long ago do not count', () => {
  assert.equal(restarts(Array.from({ length: 20 }, (_, index) => index * WINDOW_MS)), true);
});

test('who restarts it by hand starts anew', () => {
  const crashes = new Crashes();
  for (let time = 0; time < CRASHES_MAX; time++) crashes.restartsAfter(time);
  crashes.forget();
  assert.equal(crashes.restartsAfter(CRASHES_MAX), true);
});
