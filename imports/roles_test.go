package imports_test

// play runs the test binary as something else than the tests.
func play(role string) int { return 2 }
