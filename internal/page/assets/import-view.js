// import-view.js: one import target: send a file, watch what becomes of it, see
// what came before.

import { ImportUpload, unfinishedUploads } from '../imports.js';
import { at, getJSON } from './api.js';
import { confirm, problemBox } from './dialog.js';
import { h, setText } from './dom.js';
import { ago, bytes, dateTime, duration, exitStatus } from './format.js';
import { icon } from './icons.js';
import { ServerFiles } from './import-files.js';
import { ImportJob, outcomes, states } from './import-job.js';

export class ImportView {
  #tab; #app; #url; #target = null;
  #file = null; #upload = null; #job = null;
  #drop; #input; #chosen; #start; #cancel; #problem; #unfinished; #sending; #step; #bar; #amount; #detail; #jobBox; #history; #files;

  constructor(tab, app) {
    this.#tab = tab;
    this.#app = app;
    this.#url = at('imports', tab.name);
    this.#input = h('input', { type: 'file', class: 'file', id: `file-${tab.id}`, test: 'import-file', onchange: () => this.#choose(this.#input.files[0]) });
    this.#chosen = h('p', { class: 'chosen' });
    this.#start = h('button', { type: 'button', class: 'button primary', test: 'import-start', hidden: true, onclick: () => this.#send() }, 'Start the import');
    this.#drop = h('div', { class: 'drop', ondragover: (e) => this.#drag(e, true), ondragleave: (e) => this.#drag(e, false), ondrop: (e) => this.#dropped(e) },
      icon('import', 28),
      h('p', {}, h('label', { for: `file-${tab.id}`, class: 'link' }, 'Choose a file'), ' or drop it here', this.#input),
      h('p', { class: 'quiet' }), this.#chosen, this.#start);
    this.#bar = h('progress', { max: 1, value: 0, test: 'import-progress-upload', 'aria-label': 'Upload' });
    this.#amount = h('span', { class: 'num' });
    this.#detail = h('span', { class: 'quiet num' });
    this.#cancel = h('button', { type: 'button', class: 'button', onclick: () => this.#abort() }, 'Cancel the upload');
    this.#step = h('div', { class: 'step' }, h('div', { class: 'step-head' }, h('strong', {}, 'Upload'), this.#amount), this.#bar, this.#detail);
    this.#sending = h('div', { class: 'card-box', hidden: true }, this.#step, h('div', { class: 'actions' }, this.#cancel));
    this.#problem = h('div', {});
    this.#unfinished = h('div', {});
    this.#jobBox = h('div', {});
    this.#files = new ServerFiles({ url: this.#url, started: (id) => { this.#watch(id); this.refresh(); } });
    this.#files.element.hidden = true;
    this.#history = h('div', { class: 'history', test: 'import-history' });
    this.element = h('div', { class: 'import-view', tabindex: '-1' }, h('div', { class: 'column' },
      h('h1', {}, tab.title), this.#drop, this.#files.element, this.#problem, this.#unfinished, this.#sending, this.#jobBox, this.#history));
  }

  async open() {
    const here = () => {
      this.#target = this.#app.sidebar.list('imports').find((t) => t.name === this.#tab.name) ?? null;
      this.#limits();
    };
    this.#app.sidebar.addEventListener('lists', here);
    here();
    this.#found();
    const jobs = await this.refresh();
    // What was watched before a reload, else whatever is still going on.
    const job = jobs.find((j) => j.id === this.#tab.job) ?? jobs.find((j) => j.state !== 'done' && j.state !== 'receiving');
    if (job && !this.#upload) this.#watch(job.id);
  }

  show() { this.refresh(); }
  entitle(title) { setText(this.element.querySelector('h1'), title); }
  focus() { this.element.focus({ preventScroll: true }); }

  async mayClose() {
    if (!this.#upload || this.#upload.state !== 'uploading') return true;
    return confirm({ title: 'Leave while uploading?', text: 'The upload stops. It can go on later: choose the same file again.', yes: 'Leave', no: 'Stay' });
  }

  close() {
    this.#upload?.pause();
    this.#job?.close();
  }

  async refresh() {
    try {
      const answer = await getJSON(this.#url);
      const jobs = (answer.imports ?? answer.jobs ?? []).slice().sort((a, b) => String(b.created).localeCompare(String(a.created)));
      this.#drawHistory(jobs);
      return jobs;
    } catch (err) {
      this.#history.replaceChildren(problemBox(err.problem ?? { title: String(err) }));
      return [];
    }
  }

  #limits() {
    const t = this.#target;
    this.#files.element.hidden = !t?.files;
    const parts = [];
    parts.push(t?.accept?.length ? `Takes ${t.accept.join(', ')}` : t ? 'Takes any file' : '');
    const max = t?.max_bytes ?? t?.maxBytes;
    if (max > 0) parts.push(`up to ${bytes(max)}`);
    setText(this.#drop.querySelector('.quiet'), parts.filter(Boolean).join(', '));
  }

  #found() {
    const left = unfinishedUploads(this.#url);
    this.#unfinished.replaceChildren(...left.map((u) => h('div', { class: 'note' },
      h('span', {}, `The upload of ${u.name} (${bytes(u.size)}) was interrupted ${ago(u.started)}. Choose the same file to go on where it stopped.`),
      h('button', { type: 'button', class: 'link', onclick: () => { localStorage.removeItem(u.key); this.#found(); } }, 'Forget it'))));
  }

  #drag(event, over) {
    event.preventDefault();
    this.#drop.classList.toggle('over', over);
  }

  #dropped(event) {
    this.#drag(event, false);
    this.#choose(event.dataTransfer?.files[0]);
  }

  #choose(file) {
    if (!file || this.#upload?.state === 'uploading') return;
    this.#file = file;
    setText(this.#chosen, `${file.name} · ${bytes(file.size)}`);
    this.#start.hidden = this.#start.disabled = false;
    this.#problem.replaceChildren();
    this.#start.focus({ preventScroll: true });
  }

  async #send() {
    if (!this.#file) return;
    const max = this.#target?.max_bytes ?? 0;
    if (max > 0 && this.#file.size > max) {
      this.#fail({ title: 'The file is too large', detail: `${bytes(this.#file.size)}; this target takes up to ${bytes(max)}.`, hint: '' });
      return;
    }
    this.#job?.close();
    this.#job = null;
    this.#jobBox.replaceChildren();
    this.#problem.replaceChildren();
    this.#unfinished.replaceChildren();
    const upload = new ImportUpload({ url: this.#url, file: this.#file });
    this.#upload = upload;
    upload.addEventListener('progress', (e) => this.#progress(e.detail));
    upload.addEventListener('waiting', (e) => this.#waiting(e.detail));
    this.#drop.classList.add('busy');
    this.#start.disabled = true;
    this.#sending.prepend(this.#step);
    this.#sending.hidden = false;
    this.#cancel.focus({ preventScroll: true });
    this.#progress({ sent: 0, total: this.#file.size, rate: 0, eta: null });
    this.#app.tabs.update(this.#tab.id, { mark: 'busy' });
    try {
      const { location, snapshot } = await upload.start();
      this.#file = null;
      this.#input.value = '';
      setText(this.#chosen, '');
      this.#start.hidden = true;
      this.#watch(snapshot?.id ?? snapshot?.import?.id ?? location.split('/').at(-1));
    } catch (err) {
      this.#sending.hidden = true;
      this.#app.tabs.update(this.#tab.id, { mark: err.stopped ? '' : 'bad' });
      if (!err.stopped) this.#fail(err.problem ?? { title: String(err), detail: '', hint: '' });
      this.#start.hidden = this.#start.disabled = this.#file === null;
      this.#found();
    }
    this.#drop.classList.remove('busy');
    this.refresh();
  }

  #progress({ sent, total, rate, eta }) {
    this.#bar.max = total || 1;
    this.#bar.value = sent;
    setText(this.#amount, `${bytes(sent)} of ${bytes(total)}`);
    setText(this.#detail, sent >= total ? 'All bytes are at the server' : [rate > 0 && `${bytes(rate)}/s`, eta > 1 && `about ${duration(eta)} left`].filter(Boolean).join(' · ') || 'Starting…');
  }

  #waiting({ retryAt, problem }) {
    const seconds = Math.max(1, Math.round((retryAt - Date.now()) / 1000));
    setText(this.#detail, `${problem.title}: trying again in ${seconds} s. ${problem.hint}`);
  }

  async #abort() {
    if (!(await confirm({ title: 'Cancel the upload?', text: 'What has arrived is deleted; nothing has been imported.', yes: 'Cancel the upload', no: 'Go on', danger: true }))) return;
    await this.#upload.abort();
  }

  #fail(problem) {
    const link = problem.import ?? problem.location;
    const id = typeof link === 'string' ? link.split('/').at(-1) : link?.id;
    this.#problem.replaceChildren(problemBox(problem, ...(id ? [h('button', { type: 'button', class: 'button', onclick: () => this.#watch(id) }, 'Show the import that is in the way')] : [])));
  }

  #watch(id) {
    this.#tab.job = id;
    this.#app.tabs.update(this.#tab.id, {});
    this.#job?.close();
    // The upload that led to this import stays above it, so that both bars are seen as one way.
    const own = this.#upload?.state === 'done' && this.#upload.location?.split('/').at(-1) === id;
    this.#job = new ImportJob({
      upload: own ? this.#step : null,
      url: `${this.#url}/${encodeURIComponent(id)}`,
      mark: (mark) => this.#app.tabs.update(this.#tab.id, { mark }),
      changed: () => this.refresh(),
    });
    this.#sending.hidden = true;
    this.#jobBox.replaceChildren(this.#job.element);
    this.#job.open();
  }

  #drawHistory(jobs) {
    const focused = this.#history.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    const row = (j) => h('li', {}, h('button', { type: 'button', class: 'past', 'data-id': j.id, 'aria-current': j.id === this.#tab.job ? 'true' : null, onclick: () => this.#watch(j.id) },
      h('span', { class: `dot ${outcomes[j.outcome]?.tone ?? (j.state === 'done' ? 'idle' : 'busy')}`, 'aria-hidden': 'true' }),
      h('span', { class: 'label' }, h('span', {}, j.source?.name || j.id), h('small', {}, [bytes(j.source?.size ?? NaN), j.owner, j.attempt > 1 && `attempt ${j.attempt}`].filter((x) => x && x !== '–').join(' · '))),
      h('span', { class: 'when' }, outcomes[j.outcome]?.text ?? states[j.state] ?? j.state, h('small', { title: dateTime(j.created) }, [exitStatus(j.exit), ago(j.created)].filter(Boolean).join(' · ')))));
    this.#history.replaceChildren(h('h2', {}, 'History'), jobs.length ? h('ul', {}, jobs.slice(0, 50).map(row)) : h('p', { class: 'quiet' }, 'Nothing has been imported yet.'));
    if (focused) this.#history.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  }
}
