// A front end in TypeScript, as strict as it can be: what it needs must be in
// the declarations, and what is wrong must be refused by them.
import { Terminal } from '@xterm/xterm';
import { Connection, backoff, type ConnectionState, type Problem } from './assets/connect.js';
import { TerminalClient, type Exit, type Ready } from './assets/terminal.js';
import { LogStream, logURL, type Gap, type Line } from './assets/logs.js';
import { ImportUpload, ImportWatch, unfinishedUploads, type Outcome } from './assets/imports.js';

function explain(problem: Problem | null): string {
  return problem === null ? '' : `${problem.title}: ${problem.detail} ${problem.hint}`;
}

function countdown(state: ConnectionState): number {
  return state.name === 'waiting' ? state.retryAt - Date.now() : 0;
}

async function terminal(): Promise<void> {
  const client = new TerminalClient({ url: 'terminals/shell', terminal: new Terminal(), key: 'shell' }).open();
  client.addEventListener('state', ({ detail }) => console.log(countdown(detail), explain(detail.problem)));
  client.addEventListener('ready', ({ detail }) => { const ready: Ready = detail; console.log(ready.resumed, ready.lost); });
  const rtt = ({ detail }: CustomEvent<{ ms: number }>): void => console.log(detail.ms);
  client.addEventListener('rtt', rtt, { once: true });
  client.removeEventListener('rtt', rtt);
  client.addEventListener('exit', ({ detail }) => { const exit: Exit = detail; console.log(exit.reason, exit.code ?? exit.signal); });
  const bare = new TerminalClient({ url: new URL('https://ops.example/terminals/shell'), output: (bytes, done) => { console.log(bytes.byteLength); done(); }, storage: null });
  const taken: boolean = bare.open().send(new Uint8Array([3]));
  bare.resize(80, 24);
  await bare.end();
  console.log(taken, bare.session?.length, client.role === 'viewer');
  // @ts-expect-error there is no such mode
  new TerminalClient({ url: 'terminals/shell', mode: 'write' });
  // @ts-expect-error there is no such event
  client.addEventListener('exited', ({ detail }) => console.log(detail.reason));
}

async function log(): Promise<void> {
  const stream = new LogStream({ url: 'logs/app', tail: 'all', grep: 'error' }).open();
  const text = (lines: Line[]): string => lines.map((line) => line.m).join('\n');
  stream.addEventListener('lines', ({ detail }) => console.log(detail.seq, text(detail.lines)));
  stream.addEventListener('gap', async ({ detail }) => {
    const gap: Gap = detail;
    const { lines, complete } = await stream.fetchGap(gap);
    console.log(gap.lines ?? 'unknown', text(lines), complete);
  });
  const address: string = stream.downloadURL({ since: '10m' });
  console.log(address, logURL('logs/app', { tail: 5 }).href);
  // @ts-expect-error a number of lines or all of them
  stream.restart({ tail: 'some' });
}

async function upload(file: File): Promise<Outcome | null> {
  const sending = new ImportUpload({ url: 'imports/appdb', file });
  sending.addEventListener('waiting', ({ detail }) => console.log(explain(detail.problem), detail.retryAt));
  const { location } = await sending.start();
  const watch = new ImportWatch({ url: location }).open();
  watch.addEventListener('progress', ({ detail }) => console.log(detail.percent?.toFixed(1) ?? 'unknown'));
  for (const left of unfinishedUploads('imports/appdb')) console.log(left.name, left.size);
  return new Promise((resolve) => watch.addEventListener('end', ({ detail }) => resolve(detail.outcome)));
}

const connection = new Connection({ url: () => 'logs/app', handlers: { message: (data) => console.log(typeof data === 'string' ? data : data.byteLength) } });
console.log(backoff(3), connection.state.name, terminal, log, upload);
