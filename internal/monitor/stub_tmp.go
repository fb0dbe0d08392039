package monitor
import "net/http"
type usage struct{}
func newUsage() *usage { return &usage{} }
func (s *Server) routes() http.Handler { return http.NotFoundHandler() }
