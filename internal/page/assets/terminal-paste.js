// terminal-paste.js: asks before many lines go into a shell.

import { confirm } from './dialog.js';
import { h } from './dom.js';
import { bytes, count } from './format.js';

const MANY = 5; // lines from which a paste is asked about

/** How many lines a paste has; the last needs no line end. Pure. */
export function lineCount(text) {
  const lines = text.split(/\r\n|\r|\n/);
  return lines.at(-1) === '' ? lines.length - 1 : lines.length;
}

/** Watches pastes into `host`, before xterm.js sees them. */
export function guardPaste(host, { terminal, enabled }) {
  let never = false;
  host.addEventListener('paste', async (event) => {
    const text = event.clipboardData?.getData('text/plain') ?? '';
    const lines = lineCount(text);
    if (never || !enabled() || lines < MANY) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const bracketed = terminal.modes?.bracketedPasteMode;
    const box = h('input', { type: 'checkbox' });
    const preview = text.split(/\r\n|\r|\n/).slice(0, 8).map((line) => (line.length > 120 ? `${line.slice(0, 120)}…` : line)).join('\n');
    const yes = await confirm({
      title: `Paste ${count(lines, 'line')}?`,
      text: bracketed
        ? `${bytes(new Blob([text]).size)}. The program takes it as one paste and runs nothing by itself.`
        : `${bytes(new Blob([text]).size)}. The program does not know pastes: each line is run at once, as if typed.`,
      extra: [h('pre', { class: 'preview' }, preview + (lines > 8 ? '\n…' : '')), h('label', { class: 'check' }, box, 'Do not ask again in this terminal')],
      yes: 'Paste',
    });
    never = yes && box.checked;
    terminal.focus();
    if (yes) terminal.paste(text);
  }, true);
}
