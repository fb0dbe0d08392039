package monitor

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync/atomic"
)

// router finds the handler of a path. Paths are compared as they are; one that
// is not in its clean form is redirected to it. (An http.ServeMux would do the
// same, but for a base path with characters that mean something in its
// patterns.)
type router map[string]http.HandlerFunc

// basePath is the clean form of the configured prefix: "" or "/a/b".
func basePath(configured string) string {
	clean := path.Join("/", configured)
	if clean == "/" {
		return ""
	}
	return clean
}

func (s *Server) routes(base string) router {
	root := base
	if root == "" {
		root = "/"
	}
	return router{
		root:                     s.HandleRoot,
		base + "/varz":           s.HandleVarz,
		base + "/connz":          s.HandleConnz,
		base + "/routez":         s.HandleRoutez,
		base + "/gatewayz":       s.HandleGatewayz,
		base + "/leafz":          s.HandleLeafz,
		base + "/subsz":          s.HandleSubsz,
		base + "/subscriptionsz": s.HandleSubsz,
		base + "/accountz":       s.HandleAccountz,
		base + "/accstatz":       s.HandleAccountStatz,
		base + "/jsz":            s.HandleJsz,
		base + "/raftz":          s.HandleRaftz,
		base + "/healthz":        s.HandleHealthz,
		base + "/ipqueuesz":      s.HandleIPQueuesz,
		base + "/stacksz":        s.HandleStacksz,
		base + "/debug/vars":     HandleDebugVars,
		base + "/metrics":        s.metrics.ServeHTTP,
	}
}

// ServeHTTP implements http.Handler.
func (rt router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if clean := cleanPath(r.URL.Path); clean != r.URL.Path {
		to := url.URL{Path: clean, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, to.String(), http.StatusTemporaryRedirect)
		return
	}
	handler, found := rt[r.URL.Path]
	if !found {
		http.NotFound(w, r)
		return
	}
	handler(w, r)
}

// cleanPath removes double slashes and dots. A slash at the end stays.
func cleanPath(p string) string {
	clean := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// requestCounts counts the requests by endpoint. The set of keys is fixed.
type requestCounts map[string]*atomic.Uint64

func newRequestCounts() requestCounts {
	counts := make(requestCounts)
	for _, endpoint := range []string{
		"/", "/varz", "/connz", "/routez", "/gatewayz", "/leafz", "/subsz",
		"/accountz", "/accstatz", "/jsz", "/healthz",
	} {
		counts[endpoint] = new(atomic.Uint64)
	}
	return counts
}

func (c requestCounts) add(endpoint string) { c[endpoint].Add(1) }

// asked returns the endpoints that were asked at least once.
func (c requestCounts) asked() map[string]uint64 {
	asked := make(map[string]uint64)
	for endpoint, count := range c {
		if n := count.Load(); n > 0 {
			asked[endpoint] = n
		}
	}
	return asked
}
