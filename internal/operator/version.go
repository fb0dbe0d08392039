package operator

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/jwt/v2"
)

// version is major, minor and update.
type version [3]int

// checkVersion reports whether the server is as new as the operator asks.
func checkVersion(o *jwt.OperatorClaims, server string) error {
	major, minor, update, err := jwt.ParseServerVersion(o.AssertServerVersion)
	if err != nil {
		return fmt.Errorf("operator %s expects version %s got error instead: %w", o.Subject, o.AssertServerVersion, err)
	}
	wanted, have := version{major, minor, update}, parseVersion(server)
	for i, part := range [...]string{"major", "minor", "update"} {
		if wanted[i] > have[i] {
			return fmt.Errorf("operator %s expected %s version %d > server %s version %d",
				o.Subject, part, wanted[i], part, have[i])
		}
		if wanted[i] < have[i] {
			break
		}
	}
	return nil
}

// parseVersion reads the numbers at the beginning of a version, "v2.15.2-beta";
// what is not there is 0.
func parseVersion(text string) (v version) {
	for i, part := range strings.SplitN(strings.TrimPrefix(text, "v"), ".", len(v)) {
		if end := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			part = part[:end]
		}
		v[i], _ = strconv.Atoi(part)
	}
	return v
}
