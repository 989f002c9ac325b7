import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, makeEnv, response, settle } from './fake.mjs';

const { Connection, backoff, explainClose, proxyProblem, readProblem, socketURL } = await load('connect.js');

function connect(over = {}, handlers = {}) {
  const fake = makeEnv(over);
  const states = [];
  const seconds = [];
  const c = new Connection({
    url: () => 'terminals/shell', protocol: 'p', env: fake.env,
    handlers: { state: (s) => states.push(s), countdown: (s) => seconds.push(s), ...handlers },
  });
  return { ...fake, c, states, seconds, names: () => states.map((s) => s.name) };
}

test('the back-off doubles, stays within half of its ceiling, and ends at 30 s', () => {
  for (const [attempt, ceiling] of [[0, 500], [1, 1000], [2, 2000], [5, 16000], [6, 30000], [60, 30000]]) {
    assert.equal(backoff(attempt, () => 0), ceiling / 2);
    assert.equal(backoff(attempt, () => 1), ceiling);
  }
});

test('a relative address becomes a WebSocket one below the page', () => {
  const cases = [
    ['terminals/shell', 'https://ops.example/app/', 'wss://ops.example/app/terminals/shell'],
    ['logs/x?tail=1', 'http://127.0.0.1:8080/#/logs/x', 'ws://127.0.0.1:8080/logs/x?tail=1'],
    ['https://other.example/t#f', 'http://a/', 'wss://other.example/t'],
  ];
  for (const [url, base, want] of cases) assert.equal(String(socketURL(url, base)), want);
});

test('it reconnects with a countdown and starts the back-off over after a stable connection', async () => {
  const f = connect();
  f.c.open();
  for (const [lived, pause] of [[0, 500], [100, 1000], [9_000, 2000], [11_000, 500], [0, 1000]]) {
    f.last().open();
    await f.clock.pass(lived);
    f.last().lose();
    assert.equal(f.c.state.name, 'waiting');
    assert.equal(f.c.state.retryAt - f.clock.now(), pause, `after ${lived} ms`);
    await f.clock.pass(pause);
    assert.equal(f.c.state.name, 'connecting');
  }
  assert.deepEqual(f.names().slice(0, 5), ['connecting', 'open', 'waiting', 'connecting', 'open']);
  assert.deepEqual(f.seconds.filter((s) => s > 0), [1, 1, 2, 1, 1, 1]);
});

test('network and visibility end the wait at once', async () => {
  for (const wake of [(f) => f.window.dispatchEvent(new Event('online')), (f) => f.document.dispatchEvent(new Event('visibilitychange'))]) {
    const f = connect();
    f.c.open();
    f.last().open();
    f.last().lose();
    wake(f);
    assert.equal(f.sockets.length, 2);
    f.c.close();
    assert.equal(f.clock.pending, 0);
  }
});

test('nothing is left behind by a closed connection', () => {
  const f = connect();
  let listeners = 0;
  for (const target of [f.window, f.document]) {
    const { addEventListener: add, removeEventListener: remove } = target;
    target.addEventListener = (...a) => { listeners++; add.apply(target, a); };
    target.removeEventListener = (...a) => { listeners--; remove.apply(target, a); };
  }
  for (let i = 0; i < 3; i++) {
    f.c.open();
    f.last().open();
    f.last().lose();
    f.c.close();
    assert.deepEqual([listeners, f.clock.pending], [0, 0]);
  }
});

test('a hidden page does not wake it', () => {
  const f = connect();
  f.c.open();
  f.last().open();
  f.last().lose();
  f.document.visibilityState = 'hidden';
  f.document.dispatchEvent(new Event('visibilitychange'));
  assert.equal(f.sockets.length, 1);
});

test('a refused handshake is explained by asking again over HTTP', async (t) => {
  const problem = { type: 'urn:pruvon:problem:not-found', title: 'Not found', status: 404, detail: 'no such terminal' };
  const cases = [
    ['the service says 404: final', [response(404, problem)], 'closed', 'not-found', 404],
    ['the proxy denies the address: final', [response(403, '<html>', 'text/html')], 'closed', 'proxy', 403],
    ['only the POST carries the Origin that is refused', [response(426, {}), response(403, { type: 'urn:pruvon:problem:origin', title: 'Origin' })], 'closed', 'origin', 403],
    ['both are fine, so the upgrade got lost', [response(426, {}), response(405, {})], 'waiting', 'upgrade_required', 426],
    ['502 while the service restarts', [response(502, '<html>', 'text/html')], 'waiting', 'proxy', 502],
    ['no network', [], 'waiting', 'network', 0],
  ];
  for (const [name, answers, state, want, status] of cases) {
    await t.test(name, async () => {
      const left = [...answers];
      const f = connect({ fetch: async () => { if (!left.length) throw new TypeError('down'); return left.shift(); } });
      f.c.open();
      f.last().lose();
      await settle();
      await settle();
      assert.equal(f.c.state.name, state);
      assert.equal(f.c.state.problem.name, want);
      assert.equal(f.c.state.problem.status, status);
      assert.equal(left.length, 0);
    });
  }
});

test('the upgrade problem names both nginx lines', async () => {
  const f = connect({ fetch: async () => response(426, {}) });
  f.c.open();
  f.last().lose();
  await settle();
  await settle();
  assert.match(f.c.state.problem.hint, /proxy_set_header Upgrade \$http_upgrade;/);
  assert.match(f.c.state.problem.hint, /proxy_set_header Connection "upgrade";/);
});

test('a refusal with Retry-After waits that long', async () => {
  const f = connect({ fetch: async () => response(503, { type: 'urn:pruvon:problem:full', title: 'Full' }, undefined, { 'Retry-After': '7' }) });
  f.c.open();
  f.last().lose();
  await settle();
  assert.equal(f.c.state.retryAt - f.clock.now(), 7000);
});

test('the owner decides whether a closed socket comes back', () => {
  const f = connect({}, { close: ({ code }) => (code === 1000 ? { retry: false, problem: null } : { after: 9000 }) });
  f.c.open();
  f.last().open();
  f.last().lose(1011);
  assert.equal(f.c.state.retryAt - f.clock.now(), 9000);
  f.c.retryNow();
  f.last().open();
  f.last().lose(1000);
  assert.equal(f.c.state.name, 'closed');
  assert.equal(f.c.state.problem, null);
  assert.equal(f.clock.pending, 0);
});

test('a late event of a socket that was given up changes nothing', () => {
  const f = connect();
  f.c.open();
  const first = f.last();
  first.open();
  f.c.drop({ title: 'silent' });
  assert.equal(f.c.state.name, 'waiting');
  assert.deepEqual(first.closed, { code: 4000, reason: 'no answer' });
  f.c.retryNow();
  first.lose();
  assert.equal(f.c.state.name, 'connecting');
});

test('an idle cut at a round time names proxy_read_timeout, others do not', () => {
  assert.match(explainClose({ code: 1006, idle: 60_120 }).hint, /proxy_read_timeout 3600/);
  assert.match(explainClose({ code: 1006, idle: 60_120 }).detail, /after 60 s/);
  for (const idle of [0, 900, 14_000, 61_700, 63_000]) assert.equal(explainClose({ code: 1006, idle }).hint, '');
});

test('what is not a problem document is explained by its status', async () => {
  assert.match((await readProblem(response(413, '<html>', 'text/html'))).hint, /client_max_body_size/);
  assert.match(proxyProblem(502).hint, /systemctl status pruvon/);
  const own = await readProblem(response(507, { type: 'urn:pruvon:problem:no-space', title: 'No space', detail: 'd', hint: 'h' }));
  assert.deepEqual([own.name, own.proxy, own.hint], ['no-space', false, 'h']);
  const broken = await readProblem(response(500, 'not json', 'application/json'));
  assert.equal(broken.proxy, true);
});
