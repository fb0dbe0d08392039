package monitor

import (
	"encoding/json"
	"io"
	"net/http"
)

// Indentation of answers. That of some endpoints differs, and is kept since
// people compare outputs.
const (
	twoSpaces   = "  "
	threeSpaces = "   "
)

// respond answers with JSON, indented unless indent is empty.
func (s *Server) respond(w http.ResponseWriter, r *http.Request, code int, v any, indent string) {
	var body []byte
	var err error
	if indent == "" {
		body, err = json.Marshal(v)
	} else {
		body, err = json.MarshalIndent(v, "", indent)
	}
	if err != nil {
		s.source.Errorf("Error marshaling response to %s request: %v", r.URL.Path, err)
		respondText(w, http.StatusInternalServerError, err.Error())
		return
	}
	respondBytes(w, code, body)
}

// respondBytes answers with what is served as JSON.
func respondBytes(w http.ResponseWriter, code int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.WriteHeader(code)
	w.Write(body) // who asked is gone
}

// respondText answers with a bare text, which is how errors are told.
func respondText(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	io.WriteString(w, text) // who asked is gone
}

func badRequest(w http.ResponseWriter, err error) { respondText(w, http.StatusBadRequest, err.Error()) }
