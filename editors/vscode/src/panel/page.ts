// The evidence as HTML. Pure text in, text out; everything that comes from outside is escaped.
//
// Colours are VS Code's own variables (see media/evidence.css), so that light, dark and high contrast
// themes need nothing here. What is meant by a colour is always said in words too.

import type { Check, Page, Ruling, Settled, Tests } from '../protocol.ts';

export interface Assets {
  /** The origin that the content security policy allows styles and the script to come from. */
  source: string;
  style: string;
  script: string;
  nonce: string;
}

const SAYS: Record<Ruling, string> = {
  verified: 'Verified',
  unproven: 'Unproven',
  rejected: 'Rejected',
};
const MARKS = { passed: '✓', failed: '✗', unknown: '?' } as const;

/** The whole document. With `settled`, nothing is asked any more. */
export function html(page: Page, assets: Assets, settled?: Settled): string {
  const policy = [
    "default-src 'none'",
    `style-src ${assets.source}`,
    `script-src 'nonce-${assets.nonce}'`,
    "form-action 'none'",
    "base-uri 'none'",
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${escape(assets.style)}">
<title>${escape(page.title)}</title>
</head>
<body>
<main>
${header(page)}
${settled || !page.choices.length ? outcome(page, settled) : question(page)}
${section('Checks', checks(page.evidence))}
${section('Tests', tests(page.tests))}
${section('Counterexample', page.counterexample ? code(page.counterexample) : '')}
${section('Change', diff(page))}
${section('Decisions respected', decisions(page))}
${section('How it was made', facts(page))}
</main>
<script nonce="${assets.nonce}" src="${escape(assets.script)}"></script>
</body>
</html>`;
}

/** Text as it may stand in an element or in an attribute. */
export function escape(text: unknown): string {
  return String(text ?? '').replace(
    /[&<>"']/g,
    (found) =>
      ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[found] ?? found,
  );
}

function header(page: Page): string {
  return `<header>
<p class="ruling ${page.outcome}">${SAYS[page.outcome]}</p>
<h1>${escape(page.title)}</h1>
<p role="status">${escape(page.message)}</p>
</header>`;
}

function outcome(page: Page, settled: Settled | undefined): string {
  // What the head of the page says already is not said again.
  const said = settled?.message === page.message ? '' : settled?.message;
  const nothing = page.outcome === 'rejected' || settled?.applied === false;
  const says = [said, nothing ? 'Nothing was applied.' : ''].filter(Boolean).join(' ');
  return says ? `<p class="settled" role="status">${escape(says)}</p>` : '';
}

function question(page: Page): string {
  const buttons = page.choices
    .map((choice, index) => {
      const discards = index === page.choices.length - 1 && page.choices.length > 1;
      const kind = index === 0 ? 'primary' : discards ? 'discard' : 'other';
      const key = index === 0 ? 'A' : discards ? 'D' : '';
      const hint = key ? ` aria-keyshortcuts="${key}" title="${escape(`${choice} (${key})`)}"` : '';
      return `<button type="button" class="${kind}" data-choice="${escape(choice)}"${hint}>${escape(choice)}</button>`;
    })
    .join('\n');
  const options = page.reasons.map((reason) => `<option>${escape(reason)}</option>`).join('');
  const why = page.reasons.length
    ? `<p class="why">
<label>If you discard it, why? <select id="reason"><option value="">no reason</option>${options}</select></label>
<label>or in your words <input id="words" type="text" maxlength="500"></label>
<label><input id="decide" type="checkbox"> keep it as a proposed decision</label>
</p>`
    : '';
  return `<section aria-label="What to do">
<p class="choices">
${buttons}
${page.files.length ? '<button type="button" class="other" data-compare="0">Compare side by side</button>' : ''}
</p>
${why}
</section>`;
}

function section(title: string, content: string): string {
  return content
    ? `<section aria-label="${title}">\n<h2>${title}</h2>\n${content}\n</section>`
    : '';
}

function checks(evidence: Check[]): string {
  if (!evidence.length) return '';
  const rows = evidence.map(
    (found) => `<tr class="${found.outcome}">
<td class="mark"><span aria-hidden="true">${MARKS[found.outcome] ?? '?'}</span> ${escape(found.outcome)}</td>
<th scope="row">${escape(found.check)}</th>
<td>${escape(found.detail)}${place(found)}</td>
</tr>`,
  );
  return `<table>
<thead><tr><th scope="col">Outcome</th><th scope="col">Check</th><th scope="col">What was found</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>`;
}

function place({ path, line }: Check): string {
  if (!path) return '';
  const name = line ? `${path}:${line}` : path;
  return ` <a href="#" data-path="${escape(path)}" data-line="${escape(line ?? 1)}">${escape(name)}</a>`;
}

function tests(found: Tests | null | undefined): string {
  if (!found || !found.selected) return '';
  const lines = [`${found.passed ?? 0} of ${found.selected} selected tests passed`];
  if (found.total) lines.push(`${found.total} tests in the project`);
  if (found.changed_statements)
    lines.push(
      `${found.covered_statements ?? 0} of ${found.changed_statements} changed statements ran`,
    );
  const list = (title: string, names: string[] | undefined) =>
    names?.length
      ? `<h3>${title}</h3><ul>${names.map((name) => `<li><code>${escape(name)}</code></li>`).join('')}</ul>`
      : '';
  const times = Object.entries(found.durations ?? {}).sort(([, one], [, other]) => other - one);
  const slowest = times.length
    ? `<details><summary>Durations</summary><table><tbody>${times
        .map(
          ([name, seconds]) =>
            `<tr><th scope="row"><code>${escape(name)}</code></th><td class="number">${(seconds * 1000).toFixed(0)} ms</td></tr>`,
        )
        .join('')}</tbody></table></details>`
    : '';
  return `<p>${escape(lines.join('; '))}.</p>${list('Failed', found.failed)}${list('Failed before the change too', found.red_before)}${slowest}`;
}

function diff(page: Page): string {
  if (!page.diff) return '';
  const lines = page.diff.replace(/\n$/, '').split('\n').map(line);
  // tabindex: a keyboard must be able to scroll what is wider than the panel.
  return `<pre class="diff" tabindex="0" aria-label="Unified diff">${lines.join('')}</pre>`;
}

function line(text: string): string {
  let kind = '';
  if (/^(\+\+\+|---|diff )/.test(text)) kind = 'file';
  else if (text.startsWith('@@')) kind = 'hunk';
  else if (text.startsWith('+')) kind = 'added';
  else if (text.startsWith('-')) kind = 'removed';
  return `<span class="${kind}">${escape(text)}\n</span>`;
}

function decisions(page: Page): string {
  if (!page.decisions?.length) return '';
  const items = page.decisions.map(
    ({ title, uri }) => `<li><a href="#" data-uri="${escape(uri)}">${escape(title)}</a></li>`,
  );
  return `<ul>${items.join('')}</ul>`;
}

function facts(page: Page): string {
  const cost = page.cost ? `$${page.cost.usd.toFixed(4)}, ${page.cost.tokens} tokens` : '';
  const known: [string, string | null | undefined][] = [
    ['Isolation', page.isolation],
    ['Model', page.model],
    ['Cost', cost],
    ['Plan', page.plan],
    ['Time', page.elapsed_ms ? `${(page.elapsed_ms / 1000).toFixed(1)} s` : ''],
    ['Trace', page.trace],
  ];
  const rows = known
    .filter(([, value]) => value)
    .map(([name, value]) => `<dt>${name}</dt><dd>${escape(value)}</dd>`);
  return rows.length ? `<dl>${rows.join('')}</dl>` : '';
}

function code(text: string): string {
  return `<pre tabindex="0">${escape(text)}</pre>`;
}
