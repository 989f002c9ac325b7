// import-job.js: one import on the server, as it happens or as it was.

import { ImportWatch } from '../imports.js';
import { request } from './api.js';
import { confirm, problemBox, toast } from './dialog.js';
import { h, setText } from './dom.js';
import { bytes, count, duration, exitStatus } from './format.js';
import { icon } from './icons.js';
import { LogRows } from './log-rows.js';

export const outcomes = {
  succeeded: { text: 'Succeeded', tone: 'ok' },
  succeeded_with_warnings: { text: 'Succeeded with warnings', tone: 'warn' },
  failed: { text: 'Failed', tone: 'bad' },
  canceled: { text: 'Canceled', tone: 'idle' },
  timed_out: { text: 'Timed out', tone: 'bad' },
  interrupted: { text: 'Interrupted: the server stopped meanwhile', tone: 'warn' },
  rejected: { text: 'Rejected', tone: 'bad' },
  expired: { text: 'Expired', tone: 'idle' },
};
export const states = { receiving: 'Uploading', ready: 'Ready', queued: 'Queued', running: 'Running', done: 'Done' };

// After these the file is still on the server, and another attempt needs no upload.
const retryable = new Set(['failed', 'canceled', 'timed_out', 'interrupted']);

export class ImportJob {
  #url; #mark; #changed; #watch; #job = null; #seq = 0; #canceling = false; #open = {};
  #title; #outcome; #bar; #bytes; #stage; #detail; #cancel; #retry; #log; #problem; #warnings; #link; #rows;

  constructor({ url, mark, changed, upload = null }) {
    this.#url = url;
    this.#mark = mark;
    this.#changed = changed;
    this.#title = h('strong', {}, ' ');
    this.#outcome = h('span', { class: 'outcome', role: 'status', test: 'import-outcome', 'data-outcome': '' });
    this.#bar = h('progress', { max: 100, value: 0, test: 'import-progress-import', 'aria-label': 'Import' });
    this.#bytes = h('span', { class: 'num', test: 'import-bytes' });
    this.#stage = h('span', { test: 'import-stage' });
    this.#detail = h('span', { class: 'quiet num' });
    this.#link = h('span', { class: 'quiet' });
    this.#warnings = h('ul', { class: 'warnings' });
    this.#problem = h('div', {});
    this.#rows = new LogRows({ label: 'Output of the import', test: 'import-output' });
    this.#cancel = h('button', { type: 'button', class: 'button', test: 'import-cancel', hidden: true, onclick: () => this.#askCancel() }, 'Cancel');
    this.#retry = h('button', { type: 'button', class: 'button', test: 'import-retry', hidden: true, onclick: () => this.#again() }, icon('retry', 14), 'Try again without a new upload');
    this.#log = h('a', { class: 'tool', href: `${url}/log`, download: 'import.log' }, icon('download', 14), 'Whole output');
    this.element = h('div', { class: 'card-box job' },
      h('div', { class: 'job-head' }, icon('file'), this.#title, this.#outcome),
      upload,
      h('div', { class: 'step' }, h('div', { class: 'step-head' }, h('span', {}, h('strong', {}, 'Import '), this.#stage), this.#bytes), this.#bar, this.#detail),
      this.#problem, this.#warnings,
      h('div', { class: 'output' }, this.#rows.element),
      h('div', { class: 'actions' }, this.#cancel, this.#retry, h('span', { class: 'space' }), this.#link, this.#log));
  }

  open() {
    const watch = new ImportWatch({ url: this.#url, after: this.#seq });
    this.#watch = watch;
    const on = (type, f) => watch.addEventListener(type, (event) => f(event.detail));
    on('snapshot', (m) => this.#snapshot(m.import));
    on('epoch', () => {
      this.#open = {};
      this.#rows.clear();
    });
    on('connection', (m) => this.#connection(m));
    on('state', ({ state, outcome, attempt, cancel_requested }) => this.#snapshot({ ...this.#job, state, outcome, attempt, cancel_requested }));
    on('stage', (m) => setText(this.#stage, m.stage));
    on('progress', (m) => this.#progress(m));
    on('output', (m) => this.#output(m));
    on('warning', (m) => this.#warning(m.text));
    on('attempt', (m) => this.#rows.append([marker(`attempt ${m.attempt}`)]));
    on('gap', (m) => this.#rows.append([marker(`${m.bytes ? bytes(m.bytes) : 'Some'} of output left out here; the whole output has it`)]));
    on('countdown', ({ seconds }) => seconds > 0 && setText(this.#link, `Disconnected, trying again in ${seconds} s; the import goes on`));
    on('end', (m) => this.#end(m));
    watch.open();
  }

  close() {
    this.#watch?.close();
    this.#rows.close();
  }

  #connection({ name, problem }) {
    if (name === 'open') setText(this.#link, '');
    if (name === 'closed' && problem) this.#problem.replaceChildren(problemBox(problem, h('button', { type: 'button', class: 'button', onclick: () => this.#watch.open() }, 'Try again')));
  }

  #snapshot(job) {
    if (!job) return;
    this.#job = job;
    const s = job.source ?? {};
    setText(this.#title, [s.name || job.id, s.size !== undefined && bytes(s.size), s.format, s.compression].filter((x) => x && x !== 'unknown' && x !== 'none').join(' · '));
    if (job.progress) this.#progress(job.progress);
    this.#show();
  }

  #show() {
    const { state, outcome, exit, problem, cancel_requested: asked, position } = this.#job;
    const over = state === 'done';
    const o = outcomes[outcome];
    this.#outcome.dataset.outcome = over ? outcome : '';
    this.#outcome.dataset.state = state;
    this.#outcome.dataset.tone = over ? o?.tone ?? 'idle' : 'busy';
    let text = over ? o?.text ?? outcome : asked || this.#canceling ? 'Canceling…' : states[state] ?? state;
    if (state === 'queued' && position) text += `, number ${position}`;
    setText(this.#outcome, [text, over && exitStatus(exit)].filter(Boolean).join(' · '));
    this.#cancel.hidden = over;
    this.#cancel.disabled = Boolean(asked) || this.#canceling;
    this.#retry.hidden = !over || !(this.#job.retryable ?? retryable.has(outcome));
    if (over) {
      const good = o?.tone === 'ok' || outcome === 'succeeded_with_warnings';
      this.#bar.classList.toggle('bad', !good);
      // Only success is 100 %; what failed shows how far it came.
      if (good) this.#bar.value = 100;
      else if (!this.#bar.hasAttribute('value')) this.#bar.value = this.#job.progress?.percent ?? 0;
      if (problem) this.#problem.replaceChildren(problemBox(problem));
      else this.#problem.replaceChildren();
    }
    this.#mark(over ? { ok: 'ok', warn: 'warn', bad: 'bad' }[o?.tone] ?? '' : 'busy');
  }

  #progress(p) {
    if (this.#job) this.#job.progress = { ...this.#job.progress, ...p };
    const over = this.#job?.state === 'done';
    if (!over) {
      this.#bar.classList.remove('bad');
      // The bar is the import's alone: what is still arriving has one of its own, and shows here in words.
      // Without a percentage (all read, the program still at work) the bar says that it does not know.
      if (p.stage === 'receiving') this.#bar.value = 0;
      else if (p.percent === null || p.percent === undefined) this.#bar.removeAttribute('value');
      else this.#bar.value = Math.min(p.percent, 99.5);
    }
    if (p.stored !== undefined) setText(this.#bytes, p.total ? `${bytes(p.stored)} of ${bytes(p.total)}` : bytes(p.stored));
    this.#bytes.dataset.stored = p.stored ?? '';
    if (p.stage) setText(this.#stage, p.stage);
    const text = over ? this.#summary() : [
      p.percent !== null && p.percent !== undefined && `${Math.floor(p.percent)} %`,
      p.rate > 0 && `${bytes(p.rate)}/s`,
      p.eta > 0 && `about ${duration(p.eta)} left`,
      p.stalled && 'nothing has moved for a while',
    ].filter(Boolean).join(' · ');
    setText(this.#detail, text || '\u00a0');
  }

  #summary() {
    const { started, ended, progress } = this.#job;
    const took = (new Date(ended) - new Date(started)) / 1000;
    return [took >= 0 && `took ${duration(took)}`, progress?.decompressed > (progress?.stored ?? 0) && `${bytes(progress.decompressed)} unpacked`].filter(Boolean).join(' · ');
  }

  #output(m) {
    // A line that was not at its end yet goes on with the stream's next output.
    const open = this.#open[m.stream];
    const texts = ((open?.m ?? '') + m.data).split('\n');
    if (texts.at(-1) === '') texts.pop();
    const lines = texts.map((text) => ({ m: text }));
    if (open) this.#rows.replace(open, lines);
    else this.#rows.append(lines);
    this.#open[m.stream] = m.partial ? lines.at(-1) : undefined;
  }

  #warning(text) {
    if (!text) return;
    const more = this.#warnings.children.length;
    if (more < 20) this.#warnings.append(h('li', {}, icon('warn', 14), text));
    else if (more === 20) this.#warnings.append(h('li', { class: 'quiet' }, 'More warnings are in the output.'));
  }

  #end(m) {
    this.#canceling = false;
    this.#job = { ...this.#job, state: 'done', retryable: undefined, outcome: m.outcome, exit: m.exit ?? this.#job?.exit, problem: m.problem };
    this.#show();
    const parts = [
      Number.isFinite(m.duration_ms) && `took ${duration(m.duration_ms / 1000)}`,
      m.bytes_in !== undefined && `${bytes(m.bytes_in)} read`,
      m.bytes_out > m.bytes_in && `${bytes(m.bytes_out)} unpacked`,
      m.warnings > 0 && count(m.warnings, 'warning'),
    ];
    setText(this.#detail, parts.filter(Boolean).join(' · ') || '\u00a0');
    if (m.bytes_in !== undefined) {
      this.#bytes.dataset.stored = m.bytes_in;
      setText(this.#bytes, bytes(m.bytes_in));
    }
    setText(this.#stage, '');
    this.#changed();
  }

  async #askCancel() {
    const yes = await confirm({
      title: 'Cancel this import?', danger: true, yes: 'Cancel the import', no: 'Let it run',
      text: 'The program is ended, with everything it has started. What it has already written may stay in the target. The uploaded file is kept for another attempt.',
    });
    if (!yes) return;
    this.#canceling = true;
    this.#show();
    try {
      await request('POST', `${this.#url}/cancel`);
    } catch (err) {
      this.#canceling = false;
      toast(`It could not be canceled: ${err.problem?.title ?? err.message}`);
      this.#show();
    }
  }

  async #again() {
    this.#retry.disabled = true;
    try {
      await request('POST', `${this.#url}/retry`);
      this.#seq = this.#watch.seq;
      this.#watch.close();
      this.#warnings.replaceChildren();
      this.#problem.replaceChildren();
      this.open();
      this.#changed();
    } catch (err) {
      this.#problem.replaceChildren(problemBox(err.problem ?? { title: err.message }));
    }
    this.#retry.disabled = false;
  }
}

const marker = (text) => ({ class: 'marker', element: () => h('span', {}, text) });
