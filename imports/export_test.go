package imports

// SetFault installs the crash tests' hook: it is called after each change on
// disk with the kind of the change.
func (c *Config) SetFault(f func(op string)) { c.fault = f }
