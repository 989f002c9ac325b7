import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './fake.mjs';

const { cssColour, parseSGR, stripSGR } = await load('page/sgr.js');
const { ago, bytes, count, duration, exitStatus } = await load('page/format.js');
const { lineCount } = await load('page/terminal-paste.js');
const { modify } = await load('page/terminal-keys.js');
const { split } = await load('page/log-rows.js');

const styles = (line) => parseSGR(line).map(({ text, style }) => [text, style && Object.fromEntries(Object.entries(style).filter(([, v]) => v !== false && v !== null))]);

test('colour sequences become runs', () => {
  const cases = [
    ['plain', [['plain', null]]],
    ['\x1b[31mred\x1b[0m off', [['red', { fg: 1 }], [' off', null]]],
    ['a\x1b[1;4;92mb\x1b[22;24mc', [['a', null], ['b', { fg: 10, bold: true, underline: true }], ['c', { fg: 10 }]]],
    ['\x1b[38;5;208mx\x1b[48;2;1;2;3my', [['x', { fg: 208 }], ['y', { fg: 208, bg: 'rgb(1,2,3)' }]]],
    ['\x1b[mx', [['x', null]]],
    ['\x1b[38;5;999;1mx', [['x', { bold: true }]]],
    ['\x1b[38;2;1;2mx', [['x', null]]],
    ['\x1b]0;title\x07', [['\x1b]0;title\x07', null]]],
  ];
  for (const [line, want] of cases) assert.deepEqual(styles(line), want, JSON.stringify(line));
});

test('runs hold all the text and nothing else', () => {
  for (const line of ['\x1b[31;1mA<b>&\x1b[0m\tB', '\x1b[3', '\x1b[1m', '']) {
    assert.equal(parseSGR(line).map((r) => r.text).join(''), stripSGR(line));
  }
});

test('palette colours are colours', () => {
  assert.equal(cssColour(9), 'var(--ansi-9)');
  assert.equal(cssColour(16), 'rgb(0,0,0)');
  assert.equal(cssColour(208), 'rgb(255,135,0)');
  assert.equal(cssColour(255), 'rgb(238,238,238)');
});

test('numbers as people read them', () => {
  assert.deepEqual([0, 1023, 1024, 1536, 10 * 1024, 1048575, 10 * 2 ** 30].map(bytes), ['0 B', '1023 B', '1.00 KiB', '1.50 KiB', '10.0 KiB', '1.00 MiB', '10.0 GiB']);
  assert.deepEqual([-1, 0.04, 0.4, 0.96, 59, 60, 250, 3600, 7500, 3 * 86400].map(duration), ['under 0.1 s', 'under 0.1 s', '0.4 s', '1 s', '59 s', '1 min', '4 min 10 s', '1 h', '2 h 5 min', '3 days']);
  assert.deepEqual([10, 300, 7200, 3 * 86400].map((s) => ago(0, s * 1000)), ['just now', '5 min ago', '2 h ago', '3 days ago']);
  assert.deepEqual([count(1, 'line'), count(1204, 'line')], ['1 line', '1,204 lines']);
  assert.deepEqual([exitStatus({ code: 3, signal: null }), exitStatus({ code: null, signal: 'KILL' }), exitStatus(null)], ['status 3', 'signal KILL', '']);
});

test('lines of a paste', () => {
  assert.deepEqual(['', 'a', 'a\n', 'a\nb', 'a\r\nb\r\n', 'a\rb\rc'].map(lineCount), [0, 1, 1, 2, 2, 3]);
});

test('a held Ctrl or Alt', () => {
  assert.equal(modify('c', { ctrl: true }), '\x03');
  assert.equal(modify('[', { ctrl: true }), '\x1b');
  assert.equal(modify(' ', { ctrl: true }), '\0');
  assert.equal(modify('b', { alt: true }), '\x1bb');
  assert.equal(modify('1', { ctrl: true }), '1');
});

test('matches are marked without losing text', () => {
  assert.deepEqual(split('a GET b GET', /GET/gu), [['a ', false], ['GET', true], [' b ', false], ['GET', true]]);
  assert.deepEqual(split('abc', /x*/gu), [['abc', false]]);
});
