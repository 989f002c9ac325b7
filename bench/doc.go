// Command bench compares Pruvon with the floor of the machine and with the programs that one would
// take otherwise:
//
//	go run . -run terminal/ -n 5
//
// prints a table in Markdown for each scenario. The floor does the same with as little as possible: a
// pty copied to a bare TCP connection, a file read with nothing around it. Figures of different
// machines, or of one machine at different times, differ widely; ratios to the floor of the same
// repetition differ little, so read those.
//
// # How it works
//
// A scenario has targets. Each is measured once, then each again, so that a machine that gets slower
// gets slower for all of them; the cells are medians with the least and the greatest of all
// repetitions. Servers and clients are different processes: the program starts itself again as
// Pruvon's server or as the floor's ([harness.Env.Serve]), and other programs as they are
// ([harness.Env.Program]), so that what /proc says about the server's process is the server's alone.
// Before each run the program watches, idle, how busy the machine is: that is the noise.
//
// # A new scenario
//
// Write a [harness.Scenario] into a file of its own, in the package of its part:
//
//	func fanOut() harness.Scenario {
//		return harness.Scenario{
//			Name: "logs/fanout", Title: "…", About: "…",
//			Columns: []harness.Column{{Key: "lines_s", Title: "lines/s", Ratio: true}},
//			Targets: []harness.Target{{Name: "floor", Floor: true}, {Name: "pruvon"}},
//			Goals:   []harness.Goal{{Target: "pruvon", Column: "lines_s", Ratio: true, AtLeast: 0.9}},
//			Run: func(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
//				srv, err := env.Serve(ctx, "logs-"+t.Name, logsConfig{…})
//				…
//				return harness.Sample{"lines_s": …}, nil
//			},
//		}
//	}
//
// and add it to the list of its package (Scenarios), the server to its Roles, and a new package to
// registry.go. What Run starts through env is stopped after it. Take sizes from [harness.Env.Size], so
// that the tests, which run every scenario once, take seconds. A place for its table in
// docs/performance.md is a pair of lines:
//
//	<!-- bench:logs/fanout -->
//	<!-- /bench -->
//
// Targets that differ in size only carry it in X, and the scenario names it in Axis. Which of them are
// fitted and drawn as a curve says the list in package growth; -docs writes the pictures into images/
// beside the document, and their exponents into the place bench:growth. -json has all samples.
package main
