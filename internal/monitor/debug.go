package monitor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strings"
)

const (
	stacksBytesMin = 64 << 10
	stacksBytesMax = 64 << 20 // longer dumps are cut
)

// HandleStacksz serves the stacks of all goroutines. It is for servers that
// hang, so it asks the server for nothing. The content type is not that of the
// text: tools have come to expect it.
func (s *Server) HandleStacksz(w http.ResponseWriter, _ *http.Request) {
	respondBytes(w, http.StatusOK, stacks())
}

func stacks() []byte {
	for size := stacksBytesMin; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size >= stacksBytesMax {
			return buf[:n]
		}
	}
}

// HandleDebugVars serves DebugVars.
func HandleDebugVars(w http.ResponseWriter, _ *http.Request) {
	vars, err := DebugVars()
	if err != nil {
		respondText(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Write(vars) // who asked is gone
}

// DebugVars is a JSON object of the command line, without secrets, and the
// statistics of the Go runtime's memory. The layout is that of package expvar, which
// is not used: it publishes the command line as it is, on every HTTP server of the
// process that uses the default handler.
func DebugVars() ([]byte, error) {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	args, err := json.Marshal(maskedArgs(os.Args))
	if err != nil {
		return nil, err
	}
	stats, err := json.Marshal(&memory)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "{\n\"cmdline\": %s,\n\"memstats\": %s\n}\n", args, stats), nil
}

const masked = "[REDACTED]"

var (
	// secretFlag tells flags by their name. The program may be anybody's, with
	// flags of its own, so in doubt too much is masked.
	secretFlag = regexp.MustCompile(`(?i)pass|^user$|auth|token|secret|seed|jwt|cred|private|api_?key`)
	// userInfo is what stands before the host in a URL.
	userInfo = regexp.MustCompile(`://[^/?#\s]*@`)
)

// maskedArgs returns the command line without secrets: the values of flags
// whose name tells that they hold one, and the user parts of URLs.
func maskedArgs(args []string) []string {
	out := make([]string, len(args))
	maskNext := false
	for i, arg := range args {
		name, value, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		isFlag := i > 0 && strings.HasPrefix(arg, "-") && len(arg) > 1
		switch {
		case maskNext && !isFlag:
			out[i] = masked
		case isFlag && joined && value != "" && secretFlag.MatchString(name):
			out[i] = arg[:len(arg)-len(value)] + masked
		default:
			out[i] = userInfo.ReplaceAllString(arg, "://"+masked+"@")
		}
		maskNext = isFlag && !joined && secretFlag.MatchString(name)
	}
	return out
}
