package options

import (
	"strings"
	"testing"
	"time"
)

// A number stands for seconds, with a warning.
//
// Go: TestPingIntervalOld server/opts_test.go:1351
func TestPingIntervalInSeconds(t *testing.T) {
	o := read(t, "ping_interval: 5")
	if o.PingInterval != 5*time.Second {
		t.Errorf("the interval is %v", o.PingInterval)
	}
	if len(o.ConfigWarnings) != 1 || !strings.Contains(o.ConfigWarnings[0].Error(), "ping_interval should be converted to a duration") {
		t.Errorf("warnings %v", o.ConfigWarnings)
	}
}

// What a variable of the environment holds is a value, not a piece of the file.
//
// Go: TestEnvVarInclude server/opts_test.go:4418
func TestVariablesHoldNoDirectives(t *testing.T) {
	t.Setenv("GODWIT_TEST_VALUE", "include x")
	refuse(t, "server_name: $GODWIT_TEST_VALUE", "a top-level value to end with a new line, comment or EOF")
}

// Go: TestServiceExportsResponseThreshold test/services_test.go:467
func TestThresholdOfAService(t *testing.T) {
	o := read(t, `accounts { A { users: [{user: a, password: pw}], exports: [{service: foo, response: stream, threshold: "1s"}] } }`)
	exports := o.Accounts[0].Exports
	if len(exports) != 1 || exports[0].Subject != "foo" || exports[0].Threshold != time.Second {
		t.Errorf("exports %+v", exports)
	}
}

// Go: TestFeatureFlagsConfigParseNonBool server/feature_flags_test.go:41
func TestFeatureFlagsAreOnOrOff(t *testing.T) {
	refuse(t, `feature_flags { opt_in_flag: "true" }`, `error parsing feature flag "opt_in_flag": expected bool, got string`)
}
