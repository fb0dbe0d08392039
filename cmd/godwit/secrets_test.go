package main

import (
	"slices"
	"strings"
	"testing"
)

func TestSecretsOfACommandLine(t *testing.T) {
	for _, tc := range []struct{ args, want string }{
		{"-p 4222 -D", "-p 4222 -D"},
		{"--user joe --pass=secret", "--user *** --pass=******"},
		{"-auth token -m 8222", "-auth ***** -m 8222"},
		{"-auth=-pass -user -pass -p 1", "-auth=***** -user ***** -p 1"},
		{"-pass= -t", "-pass= -t"},
		{"-user", "-user"},
		{"user pass", "user pass"},
		{"-password x", "-password x"},
		{"migrate --from a --key secret --prev-key=old", "migrate --from a --key ****** --prev-key=***"},
	} {
		args := strings.Fields(tc.args)
		for i, secret := range secrets(args) {
			args[i] = args[i][:secret.start] + strings.Repeat("*", secret.end-secret.start) + args[i][secret.end:]
		}
		if want := strings.Fields(tc.want); !slices.Equal(args, want) {
			t.Errorf("%s: %q", tc.args, args)
		}
	}
}
