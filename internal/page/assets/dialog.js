// dialog.js: questions (native <dialog>, so focus stays inside and Escape means no) and short messages.

import { h } from './dom.js';

/** Asks and resolves with true or false. `danger` colours the answer that cannot be undone. */
export async function confirm({ title, text, yes, no = 'Cancel', danger = false, extra = null }) {
  return await ask({ title, text, extra, answers: [['no', no], ['yes', yes, danger ? 'danger' : 'primary']] }) === 'yes';
}

/** Asks and resolves with the word of the answer, each [word, label, tone]; 'no' when the dialog is left. */
export function ask({ title, text, answers, extra = null }) {
  return new Promise((resolve) => {
    const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'dialog-title', test: 'dialog' },
      h('h2', { id: 'dialog-title' }, title),
      [text].flat().map((t) => (typeof t === 'string' ? h('p', {}, t) : t)),
      extra,
      h('div', { class: 'actions' }, answers.map(([word, label, tone = '']) =>
        h('button', { type: 'button', class: `button ${tone}`, test: `dialog-${word}`, autofocus: tone === 'primary', onclick: () => dialog.close(word) }, label))));
    show(dialog, () => resolve(dialog.returnValue || 'no'));
  });
}

/** Shows something until it is closed. */
export function inform(title, ...content) {
  const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'dialog-title' },
    h('h2', { id: 'dialog-title' }, title), content,
    h('div', { class: 'actions' }, h('button', { type: 'button', class: 'button primary', autofocus: true, onclick: () => dialog.close() }, 'Close')));
  show(dialog, () => {});
}

function show(dialog, closed) {
  const before = document.activeElement;
  dialog.addEventListener('close', () => {
    dialog.remove();
    before?.focus?.();
    closed();
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close('no');
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** A message that goes by itself. */
export function toast(text) {
  const el = h('div', { class: 'toast' }, text);
  document.getElementById('toasts').append(el);
  setTimeout(() => el.remove(), 6000);
}

/** A problem as an element: what happened, why, and what to do about it. */
export function problemBox(problem, ...actions) {
  return h('div', { class: 'problem', role: 'alert', test: 'problem' },
    h('strong', {}, problem.title),
    problem.detail && h('p', {}, problem.detail),
    problem.hint && h('p', { class: 'hint' }, problem.hint),
    actions.length > 0 && h('div', { class: 'actions' }, actions));
}
