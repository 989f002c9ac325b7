import type { ConnectionState, Env } from './connect.js';

/** The part of an xterm.js Terminal that is used. */
export interface TerminalLike {
  readonly cols: number;
  readonly rows: number;
  write(data: Uint8Array, done: () => void): void;
  resize(cols: number, rows: number): void;
  onData(f: (text: string) => void): { dispose(): void };
  onBinary(f: (text: string) => void): { dispose(): void };
  onResize(f: (size: { cols: number; rows: number }) => void): { dispose(): void };
}

export interface TerminalOptions {
  /** The terminal's address, for example "terminals/shell"; relative to the document. */
  url: string | URL;
  /** An xterm.js instance. Either this or `output` is needed. */
  terminal?: TerminalLike;
  /** Called with bytes; `done` must be called once they are on the screen: it is what lets more come. */
  output?: (bytes: Uint8Array, done: () => void) => void;
  /** The first size; default the terminal's, else 80×24. */
  size?: { cols: number; rows: number };
  /** "view" only watches. */
  mode?: 'view';
  /** A session to attach to instead of the stored one. */
  session?: string;
  /** Names this client for exactly-once input; default random and kept in `storage`. */
  client?: string;
  /** Bytes of output that may be unacknowledged, 16 KiB to 1 MiB; default the server's. */
  window?: number;
  /** Where client and session are kept; default sessionStorage, null = nowhere. */
  storage?: Storage | null;
  /** The key in `storage`; give each terminal of a page its own. Default made from `url`. */
  key?: string;
  env?: Env;
}

export interface Ready {
  session: string;
  offset: number;
  input: number;
  replay: 'none' | 'exact' | 'reset';
  role: 'writer' | 'viewer';
  window: number;
  cols: number;
  rows: number;
  /** True when this is the session that was asked for. */
  resumed: boolean;
  /** True when a session was asked for and another one was given: the old one is gone. */
  lost: boolean;
}

export interface Exit {
  code: number | null;
  signal: string | null;
  reason: 'exited' | 'killed' | 'idle' | 'lifetime' | 'revoked' | 'replaced' | 'detached' | 'shutdown' | 'start_failed' | 'fault';
  detail: string;
  retryable: boolean;
  retry_after: number | null;
  /** True when the session that was asked for had ended before. */
  gone: boolean;
}

export interface TerminalEvents {
  state: CustomEvent<ConnectionState>;
  countdown: CustomEvent<{ seconds: number }>;
  ready: CustomEvent<Ready>;
  role: CustomEvent<{ role: 'writer' | 'viewer'; writer: string }>;
  size: CustomEvent<{ cols: number; rows: number }>;
  notice: CustomEvent<{ code: string; text: string; seconds?: number }>;
  /** The screen is about to be drawn anew; a bare `output` callback clears its own. */
  clear: CustomEvent<Record<string, never>>;
  reset: CustomEvent<{ offset: number; bytes: number; cols: number; rows: number }>;
  rtt: CustomEvent<{ ms: number }>;
  /** Bytes of input not yet accepted. */
  input: CustomEvent<{ pending: number }>;
  /** Input that was not taken because 64 MiB are waiting already. */
  overflow: CustomEvent<{ bytes: number }>;
  exit: CustomEvent<Exit>;
}

/** A session in one terminal, over as many connections as it takes. */
export class TerminalClient extends EventTarget {
  constructor(options: TerminalOptions);
  readonly session: string | null;
  readonly role: 'writer' | 'viewer';
  readonly state: ConnectionState;
  readonly exit: Exit | null;
  readonly pendingInput: number;
  open(): this;
  close(): void;
  forget(): void;
  restart(): void;
  retryNow(): void;
  send(data: string | Uint8Array): boolean;
  resize(cols: number, rows: number): void;
  take(): void;
  /** Ends the session and everything it has started; resolves when nothing of it runs any more, rejects with an Error that has a `problem`. */
  end(): Promise<void>;
  addEventListener<K extends keyof TerminalEvents>(type: K, f: (event: TerminalEvents[K]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, f: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof TerminalEvents>(type: K, f: (event: TerminalEvents[K]) => void, options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, f: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}

/** Input waiting to be accepted, addressed by byte offset. */
export class InputQueue {
  readonly accepted: number;
  readonly held: number;
  push(bytes: Uint8Array): boolean;
  accept(offset: number): void;
  next(): Uint8Array | null;
  rewind(offset: number): void;
  restart(offset: number, keep: boolean): void;
}
