import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStorage, load, makeEnv, record, settle } from './fake.mjs';

const { ImportUpload, ImportWatch, PartSize, unfinishedUploads } = await load('imports.js');
const MiB = 1024 * 1024;
const target = 'https://ops.example/app/imports/db';

/** A server and a proxy in front of it: `limit` is client_max_body_size; `fault(request)` may answer instead. */
function server({ limit = Infinity, fault = () => null, statusless = false } = {}) {
  const state = { requests: [], stored: 0, length: 0, bytes: [] };
  class XHR {
    upload = {};
    #headers = {}; #answer = {};
    open(method, url) { Object.assign(this, { method, responseURL: url }); }
    setRequestHeader(name, value) { this.#headers[name] = value; }
    getResponseHeader(name) { return this.#answer.headers?.[name] ?? null; }
    abort() {
      this.aborted = true;
      this.#finish({ status: 0 });
    }

    send(body) {
      const request = { method: this.method, url: this.responseURL, headers: this.#headers, size: body?.size ?? 0 };
      state.requests.push(request);
      setImmediate(async () => {
        if (this.aborted) return;
        this.upload.onprogress?.({ loaded: request.size });
        const refused = request.size > limit ? { status: statusless ? 0 : 413, body: '<html>413</html>', headers: { 'Content-Type': 'text/html' } } : null;
        this.#finish(fault(request, state) ?? refused ?? (await this.#serve(request, body)));
      });
    }

    async #serve({ method, headers }, body) {
      if (method === 'POST') {
        state.length = Number(headers['Upload-Length']);
        return { status: 201, headers: { Location: 'db/j1' } };
      }
      const offset = { 'Upload-Offset': String(state.stored) };
      if (method === 'HEAD') return { status: 204, headers: offset };
      if (Number(headers['Upload-Offset']) !== state.stored) return { status: 409, headers: { ...offset, 'Content-Type': 'application/problem+json' }, body: '{"title":"Mismatch","status":409}' };
      state.bytes.push(Buffer.from(await body.arrayBuffer()));
      state.stored += body.size;
      return headers['Upload-Complete'] === '?1' ? { status: 202, body: '{"id":"j1"}' } : { status: 204, headers: { 'Upload-Offset': String(state.stored) } };
    }

    #finish(answer) {
      this.#answer = answer;
      Object.assign(this, { status: answer.status, responseText: answer.body ?? '' });
      this.onloadend?.();
    }
  }
  return { state, XHR };
}

const makeFile = (size) => {
  const data = new Uint8Array(size);
  for (let i = 0; i < size; i += 997) data[i] = i & 255;
  return Object.assign(new Blob([data]), { name: "dump d'été.sql", lastModified: 5, data });
};

function upload(file, srv, storage = new MemoryStorage()) {
  const fake = makeEnv({ XMLHttpRequest: srv.XHR });
  const up = new ImportUpload({ url: target, file, storage, env: fake.env });
  return { ...fake, up, storage, seen: record(up, 'progress', 'waiting', 'state') };
}

/** Lets the clock run until the promise is settled. */
async function run(clock, promise) {
  let over = false;
  promise.then(() => { over = true; }, () => { over = true; });
  for (let i = 0; i < 500 && !over; i++) {
    await settle();
    await clock.pass(250);
  }
  return promise;
}

const parts = (srv) => srv.state.requests.filter((r) => r.method === 'PATCH').map((r) => r.size / MiB);

test('parts grow from 1 MiB, and the whole file arrives', async () => {
  const srv = server();
  const file = makeFile(10 * MiB + 3);
  const f = upload(file, srv);
  const { location, snapshot } = await run(f.clock, f.up.start());
  assert.equal(location, `${target}/j1`);
  assert.equal(snapshot.id, 'j1');
  assert.deepEqual(parts(srv).slice(0, 3), [1, 2, 4]);
  assert.ok(Buffer.concat(srv.state.bytes).equals(Buffer.from(file.data)));
  const { headers } = srv.state.requests[0];
  assert.equal(headers['Upload-Complete'], '?0');
  assert.equal(headers['Upload-Length'], String(file.size));
  assert.equal(headers['Content-Disposition'], "attachment; filename*=UTF-8''dump%20d%27%C3%A9t%C3%A9.sql");
  assert.equal(f.storage.length, 0, 'a finished upload is forgotten');
  const sent = f.seen.progress.map((p) => p.sent);
  assert.ok(sent.every((n, i) => i === 0 || n >= sent[i - 1]), 'progress never goes back');
  assert.equal(sent.at(-1), file.size);
});

test('after a 413 the parts stay at what had passed', async (t) => {
  for (const [name, limit, statusless, want] of [
    ['untouched nginx, 1 MiB', MiB, false, [1, 2, 1, 1, 1, 1]],
    ['5 MiB', 5 * MiB, false, [1, 2, 2]],
    ['the connection is cut instead of answered', MiB, true, [1, 2, 1, 1, 1, 1]],
  ]) {
    await t.test(name, async () => {
      const srv = server({ limit, statusless });
      const f = upload(makeFile(5 * MiB), srv);
      await run(f.clock, f.up.start());
      assert.deepEqual(parts(srv), want);
      assert.equal(srv.state.stored, 5 * MiB);
      assert.equal(f.seen.waiting.length, 0, 'a size is not a network fault');
    });
  }
});

test('a proxy that refuses even 1 MiB is named with its directive', async () => {
  const f = upload(makeFile(2 * MiB), server({ limit: 1000 }));
  await assert.rejects(run(f.clock, f.up.start()), (err) => /client_max_body_size/.test(err.problem.hint));
  assert.equal(f.up.state, 'failed');
});

test('a cut in the middle asks where the server stands and goes on', async () => {
  let cut = 0;
  const srv = server({
    fault: (r, state) => {
      if (r.method !== 'PATCH' || state.stored < MiB || cut > 2) return null;
      cut++;
      return { status: cut === 1 ? 502 : 504, body: '<html>', headers: { 'Content-Type': 'text/html' } };
    },
  });
  const file = makeFile(6 * MiB);
  const f = upload(file, srv);
  await run(f.clock, f.up.start());
  assert.ok(Buffer.concat(srv.state.bytes).equals(Buffer.from(file.data)));
  assert.equal(f.seen.waiting.length, 3);
});

test('the answer to a part was lost: the offset of the 409 is believed', async () => {
  let lost = false;
  const srv = server({ fault: (r) => { if (r.method !== 'PATCH' || lost) return null; lost = true; return { status: 204 }; } });
  const file = makeFile(3 * MiB);
  const f = upload(file, srv);
  await run(f.clock, f.up.start());
  assert.ok(Buffer.concat(srv.state.bytes).equals(Buffer.from(file.data)));
});

test('after a reload the same file goes on where it stopped, another begins anew', async () => {
  const srv = server();
  const storage = new MemoryStorage();
  const first = upload(makeFile(8 * MiB), srv, storage);
  first.up.addEventListener('progress', (e) => { if (e.detail.stored >= 3 * MiB) first.up.pause(); });
  await assert.rejects(run(first.clock, first.up.start()), (err) => err.stopped);
  assert.equal(srv.state.stored, 3 * MiB);
  assert.deepEqual(unfinishedUploads(target, storage).map((u) => [u.name, u.size]), [["dump d'été.sql", 8 * MiB]]);

  const again = upload(makeFile(8 * MiB), srv, storage);
  const before = srv.state.requests.length;
  await run(again.clock, again.up.start());
  assert.deepEqual(srv.state.requests.slice(before).map((r) => r.method).slice(0, 2), ['HEAD', 'PATCH']);
  assert.equal(srv.state.stored, 8 * MiB);

  const other = server();
  const f = upload(makeFile(7 * MiB), other, storage);
  await run(f.clock, f.up.start());
  assert.equal(other.state.requests[0].method, 'POST');
});

test('an upload that the server no longer has begins anew', async () => {
  const srv = server({ fault: (r) => (r.method === 'HEAD' ? { status: 404 } : null) });
  const storage = new MemoryStorage();
  const file = makeFile(MiB);
  storage.setItem(`pruvon.upload:${target}:${file.name}:${file.size}:5`, JSON.stringify({ target, location: `${target}/gone`, name: file.name, size: file.size, started: 1 }));
  const f = upload(file, srv, storage);
  await run(f.clock, f.up.start());
  assert.deepEqual(srv.state.requests.map((r) => r.method), ['HEAD', 'POST', 'PATCH']);
});

test('what cannot get better fails at once with the server’s words', async () => {
  const srv = server({ fault: (r) => (r.method === 'POST' ? { status: 409, body: '{"type":"urn:pruvon:problem:locked","title":"Busy","import":"db/j0","id":"j0"}', headers: { 'Content-Type': 'application/problem+json' } } : null) });
  const f = upload(makeFile(10), srv);
  await assert.rejects(run(f.clock, f.up.start()), (err) => err.problem.name === 'locked' && err.problem.id === 'j0');
  assert.equal(srv.state.requests.length, 1);
});

test('abort gives the upload up on the server as well', async () => {
  const srv = server();
  const f = upload(makeFile(9 * MiB), srv);
  f.up.addEventListener('progress', (e) => { if (e.detail.stored === MiB) f.up.abort(); });
  await assert.rejects(run(f.clock, f.up.start()), (err) => err.stopped);
  await f.clock.pass(1000);
  await settle();
  assert.deepEqual(srv.state.requests.slice(-2).map((r) => `${r.method} ${r.url}`), [`POST ${target}/j1/cancel`, `DELETE ${target}/j1`]);
  assert.equal(f.storage.length, 0);
});

test('a part size never goes below 1 MiB nor above what was refused', () => {
  const p = new PartSize();
  p.accepted(MiB);
  p.accepted(2 * MiB);
  assert.equal(p.refused(4 * MiB), true);
  assert.equal(p.size, 2 * MiB);
  for (let i = 0; i < 9; i++) p.accepted(p.size);
  assert.equal(p.size, 2 * MiB);
  assert.equal(p.refused(MiB), false);
});

function watch(options = {}) {
  const fake = makeEnv();
  const w = new ImportWatch({ url: `${target}/j1`, env: fake.env, ...options });
  const seen = record(w, 'snapshot', 'output', 'progress', 'end', 'state', 'connection', 'epoch');
  w.open();
  fake.last().open();
  return { ...fake, w, seen };
}
const out = (seq) => ({ type: 'output', seq, stream: 'stdout', data: `line ${seq}\n` });

test('a watcher resumes behind the last event and shows each once', async () => {
  const f = watch();
  assert.equal(f.last().url, 'wss://ops.example/app/imports/db/j1/events?after=0');
  f.last().json({ type: 'snapshot', seq: 2, epoch: 'e', import: {} });
  for (const seq of [1, 2, 3]) f.last().json(out(seq));
  f.last().json({ type: 'progress', stored: 5 });
  f.last().lose();
  await f.clock.pass(500);
  assert.equal(f.last().url, 'wss://ops.example/app/imports/db/j1/events?after=3');
  f.last().open();
  f.last().json({ type: 'snapshot', seq: 4, epoch: 'e', import: {} });
  for (const seq of [3, 4]) f.last().json(out(seq));
  assert.deepEqual(f.seen.output.map((m) => m.seq), [1, 2, 3, 4]);
  assert.deepEqual(f.seen.connection.map((s) => s.name), ['connecting', 'open', 'waiting', 'connecting', 'open']);
  assert.deepEqual(f.seen.state, [], 'that is the job’s');
  f.last().json({ type: 'end', seq: 5, outcome: 'succeeded' });
  f.last().lose(1000);
  assert.equal(f.w.state.name, 'closed');
  assert.equal(f.w.state.problem, null);
});

test('another epoch is shown from its beginning', async () => {
  const f = watch();
  f.last().json({ type: 'snapshot', seq: 0, epoch: 'a', import: {} });
  f.last().json(out(1));
  f.last().json(out(2));
  f.last().lose();
  await f.clock.pass(500);
  f.last().open();
  f.last().json({ type: 'snapshot', seq: 1, epoch: 'b', import: {} });
  f.last().json(out(1));
  assert.deepEqual(f.seen.epoch, [{ epoch: 'b' }]);
  assert.deepEqual(f.seen.output.map((m) => m.seq), [1, 2, 1]);
});

test('a restart of the server is waited out', async () => {
  const f = watch();
  f.last().lose(1001);
  assert.equal(f.w.state.name, 'waiting');
});
