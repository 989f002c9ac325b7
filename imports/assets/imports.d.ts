import type { ConnectionState, Env, Problem } from './connect.js';

export interface UploadOptions {
  /** The target's address, for example "imports/appdb"; relative to the document. */
  url: string;
  file: File;
  /** Where an unfinished upload is remembered; default localStorage, null = nowhere. */
  storage?: Storage | null;
  env?: Env & { XMLHttpRequest?: typeof XMLHttpRequest };
}

export interface UploadEvents {
  state: CustomEvent<{ state: 'idle' | 'uploading' | 'paused' | 'aborted' | 'failed' | 'done' }>;
  /** sent = left this browser; stored = acknowledged by the server; rate in bytes a second; eta in seconds. */
  progress: CustomEvent<{ sent: number; stored: number; total: number; rate: number; eta: number | null }>;
  /** The network or the proxy is in the way; it is tried again at retryAt (ms since 1970). */
  waiting: CustomEvent<{ retryAt: number; problem: Problem }>;
  resumed: CustomEvent<Record<string, never>>;
}

/** Uploads one file in parts; goes on after a cut or, with the same file, after a reload. */
export class ImportUpload extends EventTarget {
  constructor(options: UploadOptions);
  readonly state: string;
  readonly offset: number;
  readonly location: string | null;
  /** Rejects with an Error that has `problem`, or `stopped` after pause() and abort(). */
  start(): Promise<{ location: string; snapshot: unknown }>;
  pause(): void;
  abort(): Promise<void>;
  addEventListener<K extends keyof UploadEvents>(type: K, f: (event: UploadEvents[K]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, f: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof UploadEvents>(type: K, f: (event: UploadEvents[K]) => void, options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, f: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}

export interface WatchOptions {
  /** The job's address, for example "imports/appdb/ID"; relative to the document. */
  url: string;
  /** The last event already seen; default 0, everything. */
  after?: number;
  env?: Env;
}

export interface Progress {
  stage: string;
  /** Stored bytes received or read, and what they grow to. */
  stored: number;
  total: number | null;
  decompressed: number;
  /** Null while it would be a guess; 100 only after success. */
  percent: number | null;
  rate: number;
  /** Seconds; null while it would be a guess. */
  eta: number | null;
  stalled: boolean;
}

export type Outcome = 'succeeded' | 'succeeded_with_warnings' | 'failed' | 'canceled' | 'timed_out' | 'interrupted' | 'rejected' | 'expired';

export interface WatchEvents {
  snapshot: CustomEvent<{ seq: number; epoch: string; import: Record<string, unknown> }>;
  /** The journal was begun anew: what was shown of it is void. */
  epoch: CustomEvent<{ epoch: string }>;
  connection: CustomEvent<ConnectionState>;
  /** The job's. */
  state: CustomEvent<{ seq: number; state: string; outcome: Outcome | ''; attempt: number; cancel_requested: boolean }>;
  countdown: CustomEvent<{ seconds: number }>;
  stage: CustomEvent<{ seq: number; stage: string }>;
  output: CustomEvent<{ seq: number; stream: 'stdout' | 'stderr'; data: string; partial: boolean }>;
  warning: CustomEvent<{ seq: number; text: string }>;
  attempt: CustomEvent<{ seq: number; attempt: number; user: string }>;
  progress: CustomEvent<Progress>;
  gap: CustomEvent<{ from: number; to: number; bytes: number }>;
  heartbeat: CustomEvent<{ seq: number }>;
  end: CustomEvent<{
    seq: number; outcome: Outcome; exit: { code: number | null; signal: string | null } | null;
    duration_ms: number; bytes_in: number; bytes_out: number; warnings: number; problem?: Problem;
  }>;
}

/** Watches one job, over as many connections as it takes. */
export class ImportWatch extends EventTarget {
  constructor(options: WatchOptions);
  readonly state: ConnectionState;
  readonly seq: number;
  open(): this;
  close(): void;
  retryNow(): void;
  addEventListener<K extends keyof WatchEvents>(type: K, f: (event: WatchEvents[K]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, f: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof WatchEvents>(type: K, f: (event: WatchEvents[K]) => void, options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, f: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}

export function unfinishedUploads(target: string, storage?: Storage): { key: string; target: string; location: string; name: string; size: number; started: number }[];

/** How large the next part may be. */
export class PartSize {
  readonly size: number;
  accepted(bytes: number): void;
  refused(bytes: number): boolean;
  untried(bytes: number): boolean;
}
