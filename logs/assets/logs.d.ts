import type { ConnectionState, Env } from './connect.js';

export interface LogQuery {
  /** Lines of history, or "all"; the server's default is 200. */
  tail?: number | 'all';
  /** RFC 3339, or an age like "10m". */
  since?: string;
  until?: string;
  /** RE2 patterns that a line must, and must not, match. */
  grep?: string;
  not?: string;
  level?: string;
}

export interface LogOptions extends LogQuery {
  /** The source's address, for example "logs/nginx-access"; relative to the document. */
  url: string | URL;
  /** What relative addresses are relative to; default the document. */
  base?: string;
  env?: Env;
}

export interface Line {
  /** The text: only TAB and colour sequences (SGR) are left in it. */
  m: string;
  /** When it was written, RFC 3339, where the source knows. */
  t?: string;
  /** Which pipe of a command. */
  s?: 'out' | 'err';
  l?: string;
  /** The true length in bytes of a line that was cut. */
  n?: number;
  /** True while the line has no end yet. */
  p?: boolean;
}

export interface Gap {
  from: string;
  to: string;
  /** How many lines are missing; null when nobody can know. */
  lines: number | null;
  bytes: number | null;
  why: string;
}

export type Health = 'connecting' | 'live' | 'quiet' | 'broken' | 'ended';

export interface LogEvents {
  state: CustomEvent<ConnectionState>;
  countdown: CustomEvent<{ seconds: number }>;
  hello: CustomEvent<{ resume: 'exact' | 'file' | 'time' | 'none'; cursor: string }>;
  lines: CustomEvent<{ seq: number; cursor: string; lines: Line[] }>;
  gap: CustomEvent<Gap>;
  source: CustomEvent<{ state: 'rotated' | 'truncated' | 'missing' | 'exited' | 'replaced'; detail?: string }>;
  /** How far a search in what is no longer in memory has come; `more` is set when its budget ran out. */
  search: CustomEvent<{ scanned: number; matches: number; done: boolean; more?: boolean; to?: string }>;
  heartbeat: CustomEvent<{ seq: number; cursor: string; lag_ms: number }>;
  health: CustomEvent<{ health: Health; lastLine: number }>;
  end: CustomEvent<{ why: string; retryable: boolean }>;
}

/** Follows one source over as many connections as it takes. */
export class LogStream extends EventTarget {
  constructor(options: LogOptions);
  readonly state: ConnectionState;
  readonly health: Health;
  readonly cursor: string | null;
  readonly query: LogQuery;
  open(): this;
  close(): void;
  retryNow(): void;
  restart(query: LogQuery): void;
  fetchGap(gap: Gap): Promise<{ lines: Line[]; complete: boolean }>;
  downloadURL(query?: LogQuery): string;
  addEventListener<K extends keyof LogEvents>(type: K, f: (event: LogEvents[K]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, f: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof LogEvents>(type: K, f: (event: LogEvents[K]) => void, options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, f: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}

export function logURL(url: string | URL, query?: Record<string, unknown>, base?: string): URL;
