// What runs in the panel: buttons, links and keys become messages. It decides nothing.

declare function acquireVsCodeApi(): { postMessage(message: unknown): void };

const editor = acquireVsCodeApi();

function field(id: string): HTMLInputElement | HTMLSelectElement | null {
  const found = document.getElementById(id);
  return found instanceof HTMLInputElement || found instanceof HTMLSelectElement ? found : null;
}

function choose(button: HTMLElement): void {
  const discards = button.classList.contains('discard');
  const decide = field('decide');
  editor.postMessage({
    choice: button.dataset['choice'],
    reason: discards ? field('words')?.value || field('reason')?.value || '' : '',
    decide: discards && decide instanceof HTMLInputElement && decide.checked,
  });
}

document.addEventListener('click', (event) => {
  const target = event.target instanceof Element ? event.target.closest('button, a') : null;
  if (!(target instanceof HTMLElement)) return;
  event.preventDefault();
  if (target.dataset['choice'] !== undefined) choose(target);
  else editor.postMessage({ ...target.dataset });
});

document.addEventListener('keydown', (event) => {
  const typing =
    event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toUpperCase();
  const button = document.querySelector(`button[aria-keyshortcuts="${CSS.escape(key)}"]`);
  if (button instanceof HTMLElement) button.click();
});

document.querySelector<HTMLElement>('button.primary')?.focus();
