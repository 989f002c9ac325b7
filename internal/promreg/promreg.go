// Package promreg registers Prometheus collectors so that two instances of a
// part on one registry share their series instead of failing.
package promreg

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Register registers c, or returns the collector that already stands under the
// same descriptors. With a nil registry c comes back unregistered: it counts,
// and nobody scrapes it. A descriptor that clashes (same name, other labels or
// help) is an error.
func Register[C prometheus.Collector](reg prometheus.Registerer, c C) (C, error) {
	if reg == nil {
		return c, nil
	}
	err := reg.Register(c)
	if err == nil {
		return c, nil
	}
	var already prometheus.AlreadyRegisteredError
	if errors.As(err, &already) {
		if existing, ok := already.ExistingCollector.(C); ok {
			return existing, nil
		}
		return c, fmt.Errorf("the registry holds another kind of collector under the same name: %T", already.ExistingCollector)
	}
	return c, err
}
