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
  addEventListener<K extends keyof UploadEvents>(type: K, f: (event: UploadEvents[K]) => void, options?: AddEventListenerOptions): void;
}

export interface WatchOptions {
  /** The job's address, for example "imports/appdb/ID"; relative to the document. */
  url: string;
  /** The last event already seen; default 0, everything. */
  after?: number;
  env?: Env;
}

/** Watches one job. Besides the events below it hands on every message of the server under its type. */
export class ImportWatch extends EventTarget {
  constructor(options: WatchOptions);
  readonly state: ConnectionState;
  readonly seq: number;
  open(): this;
  close(): void;
  retryNow(): void;
}

export function unfinishedUploads(target: string, storage?: Storage): { key: string; target: string; location: string; name: string; size: number; started: number }[];

/** How large the next part may be. */
export class PartSize {
  readonly size: number;
  accepted(bytes: number): void;
  refused(bytes: number): boolean;
  untried(bytes: number): boolean;
}
