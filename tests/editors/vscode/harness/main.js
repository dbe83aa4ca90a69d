// Runs what a test sends in the extension host, and answers with what it returned, as JSON.
// It listens on the loopback only, and says where in a file that the test names.
const { writeFileSync, renameSync } = require('node:fs');
const { createServer } = require('node:http');
const { join } = require('node:path');
const vscode = require('vscode');

const AsyncFunction = async function () {}.constructor;

/** The first truthy value of `look`, which is asked now and whenever the event fires. */
const until = (event, look) =>
  new Promise((resolve, reject) => {
    const check = () =>
      Promise.resolve(look()).then((found) => {
        if (!found) return;
        listening.dispose();
        resolve(found);
      }, reject);
    const listening = event(check);
    check();
  });

exports.activate = () => {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const { code, given } = JSON.parse(body);
    try {
      const run = new AsyncFunction('vscode', 'given', 'until', code);
      const value = await run(vscode, given, until);
      response.end(JSON.stringify({ value: value === undefined ? null : value }));
    } catch (problem) {
      response.end(JSON.stringify({ problem: String((problem && problem.stack) || problem) }));
    }
  });
  server.listen(0, '127.0.0.1', () => {
    const folder = vscode.workspace.workspaceFile ?? vscode.workspace.workspaceFolders?.[0]?.uri;
    const name = Buffer.from(folder?.fsPath ?? '').toString('hex').slice(-80);
    const file = join(process.env.TRUEUP_HARNESS, `${name}-${process.pid}`);
    writeFileSync(`${file}.part`, String(server.address().port));
    renameSync(`${file}.part`, `${file}.port`);
  });
};
