// Package logs shows logs live, in a browser or to curl: files through any
// rotation, the output of commands, and what the host program writes itself.
//
//	h, err := logs.New(logs.Config{
//		Sources: map[string]logs.Source{
//			"nginx":   logs.File("/var/log/nginx/access.log"),
//			"journal": logs.Command(func(ctx context.Context) *exec.Cmd {
//				return exec.CommandContext(ctx, "journalctl", "-f", "-n", "0", "-o", "short-iso")
//			}),
//		},
//		Redact:    logs.RedactSecrets,
//		Authorize: who,
//	})
//	mux.Handle("GET /logs", http.HandlerFunc(h.List))
//	mux.Handle("/logs/{name}", h)
//	…
//	err = errors.Join(h.Shutdown(ctx), srv.Shutdown(ctx)) // in this order
//
// # One URL
//
// A WebSocket that asks for the subprotocol pruvon.logs.v1 gets JSON messages,
// one that asks for none a line of text a message. Over plain HTTP the Accept
// header chooses between text/event-stream, application/x-ndjson and
// text/plain. All carry the same:
//
//	hello     {resume, cursor}            first; resume: exact, file, time, none
//	lines     {seq, cursor, lines: [{m, t?, s?, l?, n?, p?}]}
//	gap       {from, to, lines, bytes, why}
//	source    {state, detail?}            rotated, truncated, missing, exited, replaced
//	search    {scanned, matches, done, more?, to?}
//	heartbeat {seq, cursor, lag_ms}
//	end       {why, retryable}            last
//
// Of a line, m is the text; t when it was read, in Unix milliseconds, if it
// was read live; s "err" for standard error; l its level; n its true length in
// bytes if it was cut; p true if it is unfinished, and then the next line of
// the same stream continues it. Plain text carries the lines alone: what is
// said about a log never stands in the log.
//
// The query: tail (200, a number up to 1,000,000, or all), since and until (RFC
// 3339, or an age like 10m), cursor, to, follow (0 ends with what there is: a
// download), grep and not (RE2, at most 1 KiB), level (that level and above),
// download (1 names a file). A cursor makes tail meaningless; since means all
// since. With grep, not or level, tail counts lines that match. They are looked
// for back through the file and its siblings, compressed ones too, within
// [Config].SearchBytes and SearchTime; search messages say how far that is, and
// the last one, if it could not see everything, has a cursor with which another
// request goes on: ?to=CURSOR&follow=0.
//
// The answer begins, headers or the WebSocket's handshake, when the viewer has
// its place in the log: what is written from then on is delivered, also with
// tail=0.
//
// # Nothing is lost unseen
//
// Numbers (seq) count what was read from the source, so under a filter they
// jump; where history meets what is in memory they may jump too. Only a gap
// means loss. It says what is missing, exactly where that can be known, and
// where the source keeps a history ?cursor=FROM&to=TO&follow=0 fetches it.
//
// A cursor is good after a reconnect, after any rotation and, with
// [Config].StateDir, after a restart. It means strictly after: no line twice
// and none left out. It is signed and bound to the log's name; what is forged
// or belongs to another log is answered with 400.
//
// # Files
//
//	         name leads to another file                  silent for Grace
//	live ───────────────────────────────► old, read on ───────────────────► closed
//	 │ ▲                                     ▲
//	 │ └── shorter, or other bytes before the offset: the rest is read from
//	 │     the rotator's copy, then from 0
//	 └──── name leads nowhere: "missing" ────┘
//
// A file is known by device, inode and content, not by its name. nginx goes on
// writing to the renamed file until it is told to reopen, and flushes its
// buffer there, so old and new are read side by side; each file's lines come
// in their order. What was written between a copytruncate's copy and its
// truncation is gone: logrotate(8) says so, and so does a gap whose lines are
// null. With access_log buffer= and flush=, lines arrive as late as nginx
// writes them.
//
// # One source, many viewers
//
// A source is read by one goroutine, into a ring of messages that are encoded
// once. A viewer is a place in that ring. One that is slower than the source
// falls out of it, is told exactly what it missed and goes on near the newest
// lines; it slows nobody. A source starts with its first viewer and ends, a
// command with its whole process tree, [Config].Linger after the last.
//
// # Concurrency
//
// All methods of Handler and Writer may be called concurrently. Sources are
// called as [Source] and [Ranger] say; a [Sink] is for one goroutine at a time.
// [Config].Redact, Authorize, Lookup and Audit are called concurrently. The
// package keeps no state of its own: two Handlers share nothing but what they
// are given.
//
// # Threats
//
// Log text is written by whoever can reach the service, so it is hostile: only
// TAB and colours (SGR) pass, everything else that a terminal, a browser or a
// reader of server-sent events might act on is made visible. Names come from
// the host; no path and no argument is made from a request. Only regular files
// are opened, without blocking, and no symbolic link leads out of the file's
// folder. Patterns are RE2. A viewer that reads nothing costs the ring's memory
// and a deadline. Redaction runs before anything is kept, matched or sent.
// Colours can still hide text (SGR 8, or black on black): a page shows lines
// with colours of its own.
package logs
