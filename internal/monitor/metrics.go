package monitor

import (
	"bytes"
	"log"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/godwit-mq/godwit/internal/monitor/api"
)

const (
	// accountSeriesMax bounds the accounts that have series of their own.
	accountSeriesMax = 1000
	// otherAccounts is the label of all accounts beyond that. No account can
	// have this name: names have no blanks.
	otherAccounts = "(all other accounts)"
	// scrapesMax bounds the scrapes that are answered at the same time.
	scrapesMax = 4
)

// newMetrics returns the handler of /metrics. Its registry is its own: several
// servers in one process do not get in each other's way, nor in the program's.
func newMetrics(s *Server) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&collector{server: s},
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog:            log.New(metricsLog{s.source}, "", 0),
		MaxRequestsInFlight: scrapesMax,
		EnableOpenMetrics:   true,
	})
}

// metricsLog takes what went wrong with a scrape.
type metricsLog struct{ source Source }

// Write implements io.Writer for one line.
func (l metricsLog) Write(line []byte) (int, error) {
	l.source.Errorf("metrics: %s", bytes.TrimRight(line, "\n"))
	return len(line), nil
}

// collector makes the nats_ series when they are asked for. Which there are
// depends on the server, so it describes none in advance.
type collector struct{ server *Server }

// Describe implements prometheus.Collector.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := c.server
	out := emitter{ch: ch, serverID: s.source.Identity().ID}
	v, err := s.Varz(nil)
	out.endpoint("varz", v, err)
	subs, err := s.Subsz(nil)
	out.endpoint("subsz", subs, err)
	routes, err := s.Routez(nil)
	out.endpoint("routez", routes, err)
	out.connections(s)
	out.accounts(s)
	out.health(s.Healthz(nil))
	out.number("leafz_conn_nodes_total", "Leafnode connections.", 0)
	out.jetstream(s.source.JetStream())
}

// jetstream writes what is stored.
func (out emitter) jetstream(info *api.JSInfo) {
	if info == nil {
		out.number("server_jetstream_disabled", "Whether JetStream is disabled.", 1)
		return
	}
	out.number("server_jetstream_disabled", "Whether JetStream is disabled.", 0)
	out.number("server_total_streams", "Streams.", float64(info.Streams))
	out.number("server_total_consumers", "Consumers.", float64(info.Consumers))
	out.number("server_total_messages", "Stored messages.", float64(info.Messages))
	out.number("server_total_message_bytes", "Bytes of stored messages.", float64(info.Bytes))
	out.number("server_max_memory", "Bytes that streams in memory may have.", float64(info.Config.MaxMemory))
	out.number("server_max_storage", "Bytes that streams on the disk may have.", float64(info.Config.MaxStore))
}
