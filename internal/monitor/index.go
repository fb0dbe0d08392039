package monitor

import (
	"fmt"
	"html"
	"net/http"
	"strings"
)

// indexLinks are the endpoints in the order of the index page.
var indexLinks = []struct{ title, path string }{
	{"General", "varz"},
	{"JetStream", "jsz"},
	{"Connections", "connz"},
	{"Accounts", "accountz"},
	{"Account Stats", "accstatz"},
	{"Subscriptions", "subsz"},
	{"Routes", "routez"},
	{"LeafNodes", "leafz"},
	{"Gateways", "gatewayz"},
	{"Raft Groups", "raftz"},
	{"Health Probe", "healthz"},
	{"Expvar", "debug/vars"},
	{"Prometheus", "metrics"},
}

const indexHead = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>godwit: %[1]s</title>
<style>
body { margin: 3rem auto; max-width: 34rem; padding: 0 1rem; color: #22303c; background: #fbfaf7; font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.8rem; font-weight: 600; }
.version { color: #8a6d3b; text-decoration: none; }
.server { color: #6b7680; }
ul { list-style: none; margin: 2rem 0; padding: 0; }
li { border-bottom: 1px solid #e4e0d6; }
li a { display: flex; justify-content: space-between; padding: .45rem 0; color: inherit; text-decoration: none; }
li a:hover { color: #8a6d3b; }
.endpoint { color: #6b7680; font-family: ui-monospace, monospace; }
</style>
</head>
<body>
<h1>godwit</h1>
<a href="https://github.com/godwit-mq/godwit" class='version'>v%[2]s</a>
<span class="server">%[1]s</span>
<ul>
`

const indexFoot = `</ul>
<a href="https://github.com/godwit-mq/godwit/blob/main/docs/metrics.md">Help</a>
</body>
</html>
`

// HandleRoot serves the index page. Its links are absolute: relative ones go
// astray as soon as the base path has two elements.
func (s *Server) HandleRoot(w http.ResponseWriter, _ *http.Request) {
	s.counts.add("/")
	id := s.source.Identity()
	base := basePath(s.source.Options().HTTPBasePath)
	var b strings.Builder
	fmt.Fprintf(&b, indexHead, asciiHTML(id.Name), asciiHTML(id.Version))
	for _, link := range indexLinks {
		path := "/" + link.path
		fmt.Fprintf(&b, "<li><a href=\"%s\">%s<span class=\"endpoint\">%s</span></a></li>\n",
			asciiHTML(base+path), link.title, path)
	}
	b.WriteString(indexFoot)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write([]byte(b.String())) // who asked is gone
}

// asciiHTML escapes a text for HTML so that only ASCII is left.
func asciiHTML(text string) string {
	var b strings.Builder
	for _, r := range html.EscapeString(text) {
		if r < 0x80 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return b.String()
}
