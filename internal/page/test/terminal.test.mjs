import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStorage, load, makeEnv, record, response } from './fake.mjs';

const { InputQueue, TerminalClient } = await load('terminal.js');

const ready = (over = {}) => ({ type: 'ready', session: 's1', offset: 0, input: 0, replay: 'none', role: 'writer', window: 1024, cols: 80, rows: 24, ...over });

/** A client whose output is written only when the test says so. */
function open(options = {}) {
  const fake = makeEnv(options.env);
  const writes = [];
  const storage = options.storage ?? new MemoryStorage();
  const client = new TerminalClient({
    url: 'terminals/shell', storage, client: 'c1', ...options, env: fake.env,
    output: (bytes, done) => writes.push({ text: new TextDecoder().decode(bytes), done }),
  });
  const seen = record(client, 'ready', 'exit', 'rtt', 'clear', 'role', 'state', 'notice');
  client.open();
  fake.last().open();
  const render = () => { for (const w of writes.splice(0)) w.done(); };
  return { ...fake, client, writes, seen, storage, render };
}

test('end asks the server to end the session, connected or not', async () => {
  const asked = [];
  const answers = [new Response(null, { status: 204 }), response(404, { title: 'Not found' }), response(403, { title: 'Forbidden', detail: 'you may watch' })];
  const fetch = async (url, init) => { asked.push(`${init.method} ${url}`); return answers.shift() ?? Promise.reject(new TypeError('down')); };
  const f = open({ env: { fetch } });
  await f.client.end();
  assert.deepEqual(asked, [], 'there is no session yet');
  f.last().json(ready({ session: 's/1' }));
  f.client.close();
  await f.client.end();
  assert.deepEqual(asked, ['DELETE https://ops.example/app/terminals/shell?session=s%2F1']);
  await f.client.end(); // it has ended before: as wanted
  await assert.rejects(f.client.end(), (err) => err.problem.detail === 'you may watch');
  await assert.rejects(f.client.end(), (err) => err.problem.name === 'network' && err.problem.detail !== '');
});

test('hello carries the size and nothing that the server does not know', () => {
  const f = open({ size: { cols: 100, rows: 30 }, window: 65536 });
  assert.deepEqual(f.last().sent, [{ type: 'hello', cols: 100, rows: 30, client: 'c1', window: 65536 }]);
  assert.equal(f.last().protocol, 'pruvon.terminal.v1');
});

test('output is acknowledged only once it is rendered: at a quarter of the window, and when idle', async () => {
  const f = open();
  f.last().json(ready());
  f.last().bytes('x'.repeat(200));
  await f.clock.pass(100);
  assert.deepEqual(f.last().of('ack'), []);
  f.last().bytes('y'.repeat(100));
  f.render();
  assert.deepEqual(f.last().of('ack'), [{ type: 'ack', offset: 300 }]);
  f.last().bytes('z');
  f.render();
  assert.equal(f.last().of('ack').length, 1);
  await f.clock.pass(40);
  assert.deepEqual(f.last().of('ack').at(-1), { type: 'ack', offset: 301 });
});

test('a reconnect asks for the next byte and sends only the input that was not accepted', async () => {
  const f = open();
  f.last().json(ready());
  f.client.send('echo one\r');
  f.last().bytes('abc');
  f.last().json({ type: 'input', offset: 5 });
  assert.equal(f.last().input, 'echo one\r');
  f.last().lose();
  f.client.send('two');
  await f.clock.pass(500);
  f.last().open();
  assert.deepEqual(f.last().of('hello')[0], { type: 'hello', cols: 80, rows: 24, client: 'c1', session: 's1', offset: 3 });
  assert.equal(f.last().input, '', 'nothing before ready');
  f.last().json(ready({ offset: 3, input: 7, replay: 'exact' }));
  assert.equal(f.last().input, 'e\rtwo');
  f.render(); // written before the cut: already behind the new start
  assert.deepEqual(f.last().of('ack'), []);
  assert.equal(f.seen.ready.at(-1).resumed, true);
});

test('input never goes into a session that it was not typed for', async () => {
  const f = open();
  f.last().json(ready());
  f.client.send('rm -rf build\r');
  f.last().lose();
  await f.clock.pass(500);
  f.last().open();
  f.last().json(ready({ session: 's2' }));
  assert.equal(f.last().input, '');
  assert.equal(f.client.pendingInput, 0);
  assert.equal(f.seen.ready.at(-1).lost, true);
  assert.equal(f.seen.clear.length, 1);
});

test('what is typed before the first ready is kept', () => {
  const f = open();
  f.client.send('ls\r');
  assert.equal(f.last().input, '');
  f.last().json(ready({ input: 40 }));
  assert.equal(f.last().input, 'ls\r');
  f.last().json({ type: 'input', offset: 43 });
  assert.equal(f.client.pendingInput, 0);
});

test('a picture is drawn but not counted', async () => {
  const f = open();
  f.last().json(ready({ offset: 5000, replay: 'reset' }));
  f.last().json({ type: 'reset', offset: 5000, bytes: 6, cols: 80, rows: 24 });
  f.last().bytes('pict');
  f.last().bytes('uremore');
  assert.deepEqual(f.writes.map((w) => w.text), ['pict', 'ur', 'emore']);
  f.render();
  await f.clock.pass(50);
  assert.deepEqual(f.last().of('ack'), [{ type: 'ack', offset: 5005 }]);
  assert.equal(f.seen.clear.length, 1);
});

test('writes from before a reset acknowledge nothing', async () => {
  const f = open();
  f.last().json(ready());
  f.last().bytes('old'.repeat(100));
  const old = f.writes.splice(0);
  f.last().json({ type: 'reset', offset: 9000, bytes: 0, cols: 80, rows: 24 });
  for (const w of old) w.done();
  await f.clock.pass(100);
  assert.deepEqual(f.last().of('ack'), []);
});

test('writes for an earlier session acknowledge nothing in the next', async () => {
  const f = open();
  f.last().json(ready());
  f.last().bytes('old'.repeat(200));
  f.last().lose();
  await f.clock.pass(500);
  f.last().open();
  f.last().json(ready({ session: 's2' }));
  f.render();
  await f.clock.pass(100);
  assert.deepEqual(f.last().of('ack'), []);
});

test('a reload resumes the stored session without an offset', () => {
  const storage = new MemoryStorage();
  const first = open({ storage, client: undefined });
  first.last().json(ready());
  const again = open({ storage, client: undefined });
  const hello = again.last().of('hello')[0];
  assert.equal(hello.session, 's1');
  assert.equal(hello.offset, undefined);
  assert.equal(hello.client, first.last().of('hello')[0].client);
});

test('a paste is cut into messages and held at the credit', () => {
  const f = open();
  f.last().json(ready());
  f.client.send('p'.repeat(1_000_000));
  const sizes = () => f.last().sent.filter((m) => m instanceof Uint8Array).map((m) => m.length);
  assert.ok(sizes().every((n) => n <= 16384));
  assert.equal(sizes().reduce((a, b) => a + b), 262144);
  f.last().json({ type: 'input', offset: 16384 });
  assert.equal(sizes().reduce((a, b) => a + b), 262144 + 16384);
  assert.equal(f.client.send(new Uint8Array(64 * 1024 * 1024)), false, 'too much to hold');
});

test('a viewer types nothing, resizes nothing, and follows the size of the session', async () => {
  const f = open({ mode: 'view', session: 's9' });
  f.last().json(ready({ session: 's9', role: 'viewer', cols: 132, rows: 50 }));
  assert.equal(f.client.send('x'), false);
  f.client.resize(90, 20);
  await f.clock.pass(200);
  assert.deepEqual(f.last().of('resize'), []);
});

test('a watcher that takes over comes back as somebody who may type', () => {
  const f = open({ mode: 'view', session: 's9' });
  f.last().json(ready({ session: 's9', role: 'viewer', offset: 50 }));
  f.last().bytes('seen');
  f.client.take();
  assert.equal(f.sockets.length, 2);
  assert.equal(f.sockets[0].closed.code, 1000);
  f.last().open();
  assert.deepEqual(f.last().of('hello')[0], { type: 'hello', cols: 80, rows: 24, client: 'c1', session: 's9', offset: 54 });
  f.last().json(ready({ session: 's9', role: 'viewer', offset: 54, replay: 'exact' }));
  assert.deepEqual(f.last().of('take'), [{ type: 'take' }]);
  f.last().json({ type: 'role', role: 'writer', writer: 'me' });
  assert.deepEqual(f.last().sent.at(-1), { type: 'resize', cols: 80, rows: 24 });
  assert.equal(f.client.send('x'), true);
  f.client.take();
  assert.equal(f.sockets.length, 2, 'asked on the same connection');
  assert.equal(f.last().of('take').length, 2);
});

test('sizes are coalesced and kept within 1 to 1000', async () => {
  const f = open();
  f.last().json(ready());
  for (const n of [81, 82, 5000]) f.client.resize(n, 0);
  await f.clock.pass(60);
  assert.deepEqual(f.last().of('resize'), [{ type: 'resize', cols: 1000, rows: 1 }]);
});

test('pongs give the round trip; silence ends the connection', async () => {
  const f = open();
  f.last().json(ready());
  await f.clock.pass(500);
  const { t } = f.last().of('ping')[0];
  await f.clock.pass(30);
  f.last().json({ type: 'pong', t });
  assert.deepEqual(f.seen.rtt, [{ ms: 30 }]);
  await f.clock.pass(10_000);
  assert.equal(f.last().of('ping').length, 2);
  await f.clock.pass(8_000);
  assert.equal(f.client.state.name !== 'open', true);
  assert.equal(f.sockets[0].closed.code, 4000);
});

test('output while a pong is late proves the connection', async () => {
  const f = open();
  f.last().json(ready());
  for (let i = 0; i < 20; i++) {
    await f.clock.pass(1000);
    f.last().bytes('.');
  }
  assert.equal(f.sockets.length, 1);
  assert.equal(f.client.state.name, 'open');
});

test('how each end is taken', async (t) => {
  const cases = [
    ['exited', { reason: 'exited', code: 0, retryable: false }, 1000, 'closed', null],
    ['replaced: the session lives on', { reason: 'replaced', retryable: false }, 1008, 'closed', 's1'],
    ['revoked', { reason: 'revoked', retryable: false }, 1008, 'closed', null],
    ['shutdown, worth another try', { reason: 'shutdown', retryable: true, retry_after: 3 }, 1001, 'waiting', 's1'],
    ['a fault that will not go away', { reason: 'fault', retryable: false }, 1011, 'closed', null],
    ['cut without a word', null, 1006, 'waiting', 's1'],
    ['policy', null, 1008, 'closed', 's1'],
    ['full', null, 1013, 'waiting', 's1'],
  ];
  for (const [name, exit, code, state, session] of cases) {
    await t.test(name, () => {
      const f = open();
      f.last().json(ready());
      if (exit) f.last().json({ type: 'exit', code: null, signal: null, detail: '', retry_after: null, ...exit });
      f.last().lose(code);
      assert.equal(f.client.state.name, state);
      assert.equal(f.client.session, session);
      if (exit?.retry_after) assert.equal(f.client.state.retryAt - f.clock.now(), 3000);
      if (state === 'closed') assert.equal(f.clock.pending, 0);
    });
  }
});

test('a session that is no more is said to be gone, and forgotten', () => {
  const storage = new MemoryStorage();
  open({ storage }).last().json(ready());
  const f = open({ storage });
  f.last().json({ type: 'exit', code: null, signal: null, reason: 'detached', detail: 'no such session', retryable: false, retry_after: null });
  f.last().lose(1000);
  assert.equal(f.seen.exit[0].gone, true);
  assert.equal(f.client.session, null);
  f.client.restart();
  f.last().open();
  assert.equal(f.last().of('hello')[0].session, undefined);
});

test('an xterm.js instance is joined and let go of again', async () => {
  const fake = makeEnv();
  const listeners = {};
  const disposed = [];
  const calls = [];
  const on = (name) => (f) => {
    listeners[name] = f;
    return { dispose: () => disposed.push(name) };
  };
  const terminal = {
    cols: 90, rows: 20, onData: on('data'), onBinary: on('binary'), onResize: on('resize'),
    write: (bytes, done) => { calls.push(['write', bytes.length]); done(); }, resize: (c, r) => calls.push(['resize', c, r]),
  };
  const client = new TerminalClient({ url: 'terminals/x', terminal, storage: null, env: fake.env });
  client.open();
  fake.last().open();
  assert.equal(fake.last().of('hello')[0].cols, 90);
  fake.last().json(ready({ cols: 90, rows: 20 }));
  listeners.data('é');
  listeners.binary('\x1b[M\xe9');
  assert.deepEqual(fake.last().sent.filter((m) => m instanceof Uint8Array).map((m) => [...m]), [[0xc3, 0xa9], [0x1b, 0x5b, 0x4d, 0xe9]]);
  listeners.resize({ cols: 91, rows: 21 });
  await fake.clock.pass(60);
  assert.deepEqual(fake.last().of('resize'), [{ type: 'resize', cols: 91, rows: 21 }]);
  fake.last().json({ type: 'reset', offset: 10, bytes: 0, cols: 91, rows: 21 });
  assert.deepEqual(calls.at(-1), ['write', 3]);
  // As a watcher it takes the session's size, and keeps its own for when it may type.
  terminal.resize = (cols, rows) => { Object.assign(terminal, { cols, rows }); listeners.resize({ cols, rows }); };
  fake.last().json({ type: 'role', role: 'viewer', writer: 'other' });
  fake.last().json({ type: 'size', cols: 200, rows: 60 });
  await fake.clock.pass(100);
  assert.deepEqual([terminal.cols, fake.last().of('resize').length], [200, 1]);
  fake.last().json({ type: 'role', role: 'writer', writer: 'me' });
  assert.deepEqual(fake.last().of('resize').at(-1), { type: 'resize', cols: 91, rows: 21 });
  client.close();
  assert.deepEqual(disposed.sort(), ['binary', 'data', 'resize']);
  assert.equal(fake.clock.pending, 0);
});

test('the input queue against a plain reference, over many random steps', () => {
  let seed = 7;
  const random = (n) => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed % n;
  };
  const queue = new InputQueue();
  let typed = Buffer.alloc(0); // every byte ever typed
  let got = Buffer.alloc(0); // what the server has accepted
  let flight = []; // messages on this connection
  for (let step = 0; step < 1500; step++) {
    switch (random(5)) {
      case 0: {
        const bytes = Buffer.from(Array.from({ length: random(3000) }, () => random(256)));
        if (queue.push(new Uint8Array(bytes))) typed = Buffer.concat([typed, bytes]);
        break;
      }
      case 1: case 2: {
        const message = queue.next();
        if (message) flight.push(Buffer.from(message));
        break;
      }
      case 3:
        if (flight.length) got = Buffer.concat([got, flight.shift()]);
        if (random(2)) queue.accept(got.length);
        break;
      case 4: // the connection is cut: some messages had arrived, the rest is lost
        for (const message of flight.splice(0, random(flight.length + 1))) got = Buffer.concat([got, message]);
        flight = [];
        queue.rewind(got.length);
        break;
    }
  }
  queue.rewind(got.length);
  for (let message = queue.next(); message; message = queue.next()) {
    got = Buffer.concat([got, message]);
    queue.accept(got.length);
  }
  assert.ok(typed.length > 200_000);
  assert.ok(got.equals(typed));
});
