// Package imports takes uploads and feeds them to importers: commands such as
// pg_restore, or Go functions. Progress, output and outcome are told truthfully
// and to any number of watchers, and an import outlives the browser, the proxy
// and, as far as that is possible, the server.
//
//	h, err := imports.New(imports.Config{
//		Dir:       "/var/lib/app/imports",
//		Authorize: whoMay,
//		Origins:   []string{"https://app.example.org"},
//		Targets: map[string]imports.Target{"appdb": {
//			Accept: []imports.Format{imports.FormatPgDumpCustom},
//			Lock:   true,
//			Importer: imports.Command(func(ctx context.Context, _ imports.Info) (*exec.Cmd, error) {
//				return exec.Command("pg_restore", "--single-transaction", "-d", "app"), nil
//			}, imports.PgRestore),
//		}},
//	})
//	…
//	mux.Handle("/imports/", http.StripPrefix("/imports", h))
//	…
//	err = h.Shutdown(ctx)
//
// With that, "curl -T dump.gz https://app.example.org/imports/appdb" imports,
// and the URL it answers with has the events, the output and the result.
//
// # States
//
//	receiving → ready → queued → running → done
//	                      ↑                 │
//	                      └───── retry ─────┘
//
// Where an import is and how it ended are two things: done comes with an
// [Outcome]. It is succeeded only when the importer said so; a percentage of
// 100, a closed connection or a text in the output never stand for success.
// A cancelled import is canceled when nothing of its process tree is left.
//
// # What is on disk
//
// Dir belongs to one process at a time (flock). Each import has a directory
// with its record (meta.json, replaced in one step and synced at each change of
// state, "running" before the command is started), its events, its output and
// the uploaded bytes; all of it is JSON or text that an operator can read. At
// the start every import is brought into a state that is true: one that ran is
// interrupted, after what was left of its processes has been ended, and can be
// retried; one that was queued is started; an upload in parts can go on.
// Nothing is imported twice without being asked for.
//
// # Concurrency
//
// A [Handler] and a [Job] may be used by any number of goroutines. An
// [Importer] is used for several imports at once. Hooks of [Config] may be
// called concurrently, Audit one call at a time.
//
// # Threat model
//
// Uploads are hostile: sizes, offsets and digests are checked, compression is
// told by content, decompressed bytes and ratio are capped, names are for
// display only and no path is built from them, and what importers print is made
// printable. The client picks a target by name and never an argument of a
// command. Ids are 128 random bits, and other users' imports are not found.
// Whoever may upload into a target may run what that target's importer makes of
// the input: pg_restore and psql run SQL from it with the rights of their
// database user, so that user is the real limit.
package imports
