package main

import (
	"strings"
	"unsafe"
)

// hideSecrets returns the command line and makes the process list show asterisks
// where it had secrets. The strings of os.Args are the memory that the kernel shows
// as /proc/<pid>/cmdline, so that is where they are overwritten; what is returned
// are copies. It is called once, before anything has kept a part of os.Args.
func hideSecrets(args []string) []string {
	kept := make([]string, len(args))
	for i, arg := range args {
		kept[i] = strings.Clone(arg)
	}
	for i, secret := range secrets(kept) {
		if secret.end > secret.start {
			memory := unsafe.Slice(unsafe.StringData(args[i]), len(args[i]))
			for k := secret.start; k < secret.end; k++ {
				memory[k] = '*'
			}
		}
	}
	return kept
}
