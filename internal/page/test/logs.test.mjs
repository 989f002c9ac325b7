import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, makeEnv, record, response } from './fake.mjs';

const { LogStream, logURL } = await load('logs.js');
const base = 'https://ops.example/app/';

function open(options = {}, env = {}) {
  const fake = makeEnv(env);
  const log = new LogStream({ url: 'logs/nginx', env: fake.env, ...options });
  const seen = record(log, 'lines', 'gap', 'source', 'health', 'end', 'state', 'hello');
  log.open();
  fake.last().open();
  return { ...fake, log, seen, health: () => seen.health.map((h) => h.health) };
}
const lines = (seq, ...texts) => ({ type: 'lines', seq, cursor: `c${seq}`, lines: texts.map((m) => ({ m })) });

test('filters that are empty are left out of the address', () => {
  assert.equal(String(logURL('logs/a', { tail: 10, grep: '', level: undefined, since: null }, base)), 'https://ops.example/app/logs/a?tail=10');
  assert.equal(logURL('logs/a', { grep: 'a b&c=d' }, base).searchParams.get('grep'), 'a b&c=d');
});

test('after a cut it goes on at the cursor, with the filters and without tail and since', async () => {
  const f = open({ tail: 50, grep: 'GET', since: '10m' });
  assert.equal(f.last().url, 'wss://ops.example/app/logs/nginx?tail=50&since=10m&grep=GET');
  f.last().json({ type: 'hello', resume: 'none', cursor: 'c0' });
  f.last().json(lines(3, 'a', 'b'));
  f.last().json({ type: 'heartbeat', seq: 9, cursor: 'c9', lag_ms: 1 });
  f.last().lose();
  await f.clock.pass(500);
  assert.equal(f.last().url, 'wss://ops.example/app/logs/nginx?grep=GET&cursor=c9');
  assert.equal(f.seen.lines.length, 1);
});

test('quiet, live and broken are told apart', async () => {
  const f = open();
  assert.deepEqual(f.health(), ['quiet']);
  f.last().json(lines(1, 'a'));
  assert.equal(f.log.health, 'live');
  await f.clock.pass(8_000);
  assert.equal(f.log.health, 'quiet');
  for (let i = 0; i < 5; i++) {
    await f.clock.pass(15_000);
    f.last().json({ type: 'heartbeat', seq: 1, cursor: 'c1', lag_ms: 0 });
  }
  assert.equal(f.sockets.length, 1);
  assert.equal(f.log.health, 'quiet');
  await f.clock.pass(43_000);
  assert.ok(f.sockets[0].closed, 'no heartbeat for 40 s: given up');
  assert.equal(f.log.health, 'broken');
});

test('a hidden page is not judged by its timers', async () => {
  const f = open();
  f.document.visibilityState = 'hidden';
  await f.clock.pass(300_000);
  assert.equal(f.sockets.length, 1);
  f.document.visibilityState = 'visible';
  f.document.dispatchEvent(new Event('visibilitychange'));
  assert.ok(f.sockets[0].closed);
});

test('how each end is taken', async (t) => {
  const cases = [
    ['ended for good', { why: 'exited', retryable: false }, 1000, 'closed', 'ended'],
    ['a planned end', { why: 'shutdown', retryable: true }, 1001, 'waiting', 'broken'],
    ['too slow', { why: 'slow', retryable: true }, 1008, 'waiting', 'broken'],
    ['policy', null, 1008, 'closed', 'broken'],
    ['cut', null, 1006, 'waiting', 'broken'],
  ];
  for (const [name, end, code, state, health] of cases) {
    await t.test(name, () => {
      const f = open();
      if (end) f.last().json({ type: 'end', ...end });
      f.last().lose(code);
      assert.equal(f.log.state.name, state);
      assert.equal(f.log.health, health);
      if (state === 'closed') assert.equal(f.clock.pending, 0);
    });
  }
});

test('other filters begin anew', () => {
  const f = open({ tail: 10 });
  f.last().json(lines(3, 'a'));
  f.log.restart({ tail: 500, level: 'error' });
  assert.equal(f.sockets.length, 2);
  assert.equal(f.last().url, 'wss://ops.example/app/logs/nginx?tail=500&level=error');
  assert.equal(f.sockets[0].closed.code, 1000);
});

test('a gap is fetched between its cursors with the filters', async () => {
  let asked;
  const body = [lines(1, 'x', 'y'), { type: 'gap', lines: null }, lines(4, 'z')].map((m) => JSON.stringify(m)).join('\n');
  const f = open({ grep: 'q' }, { fetch: async (url, init) => { asked = { url: String(url), init }; return response(200, body, 'application/x-ndjson'); } });
  const got = await f.log.fetchGap({ from: 'c1', to: 'c9' });
  assert.equal(asked.url, 'https://ops.example/app/logs/nginx?grep=q&cursor=c1&to=c9&follow=0');
  assert.equal(asked.init.headers.Accept, 'application/x-ndjson');
  assert.deepEqual(got, { lines: [{ m: 'x' }, { m: 'y' }, { m: 'z' }], complete: false });
});

test('a gap that cannot be fetched says why', async () => {
  const f = open({}, { fetch: async () => response(400, { type: 'urn:pruvon:problem:cursor', title: 'Bad cursor' }) });
  await assert.rejects(f.log.fetchGap({ from: 'a', to: 'b' }), (err) => err.problem.name === 'cursor');
});

test('the download has the same filters, all lines, and an end', () => {
  const f = open({ tail: 10, grep: 'a', level: 'warn' });
  assert.equal(f.log.downloadURL({ grep: 'a', level: 'warn' }), 'https://ops.example/app/logs/nginx?tail=all&grep=a&level=warn&follow=0');
});
