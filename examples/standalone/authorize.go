package main

import (
	"fmt"
	"net/http"
	"regexp"

	"github.com/pruvon/pruvon"
	"github.com/pruvon/pruvon/proxyhdr"
)

// operator is everybody's name while no user_header is configured.
const operator = "operator"

var userName = regexp.MustCompile(`^[A-Za-z0-9._@-]{1,64}$`)

// authorize takes the user's name from a header that the proxy sets. It is
// believed only from a trusted proxy, in exactly one line.
func authorize(header string) func(*http.Request, pruvon.Resource) (pruvon.Access, error) {
	return func(r *http.Request, _ pruvon.Resource) (pruvon.Access, error) {
		if header == "" {
			return pruvon.Access{User: operator}, nil
		}
		client, ok := proxyhdr.FromContext(r.Context())
		if !ok || !client.PeerTrusted {
			return pruvon.Access{}, fmt.Errorf("%w: %s is only believed from a trusted proxy", pruvon.ErrUnauthenticated, header)
		}
		values := r.Header.Values(header)
		if len(values) != 1 || !userName.MatchString(values[0]) {
			return pruvon.Access{}, fmt.Errorf("%w: %s must be one line with a user's name", pruvon.ErrUnauthenticated, header)
		}
		return pruvon.Access{User: values[0]}, nil
	}
}
