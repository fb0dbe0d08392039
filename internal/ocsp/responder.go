package ocspcheck

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

// sharedClient is used where no other client is given. It has no time-out: each
// question brings its own.
var sharedClient = &http.Client{Transport: &http.Transport{
	Proxy:                  http.ProxyFromEnvironment,
	ForceAttemptHTTP2:      true,
	MaxIdleConns:           16,
	MaxIdleConnsPerHost:    2,
	IdleConnTimeout:        30 * time.Second,
	MaxResponseHeaderBytes: 64 << 10,
}}

// responders asks responders about certificates.
type responders struct {
	client  *http.Client
	timeout time.Duration // of one question
	// success tells which codes of HTTP come with an answer.
	success func(code int) bool
}

// question is what a responder is asked.
type question []byte

func ask(cert, issuer *x509.Certificate) (question, error) {
	der, err := ocsp.CreateRequest(cert, issuer, nil)
	if err != nil {
		return nil, fmt.Errorf("create OCSP request: %w", err)
	}
	return der, nil
}

// path returns the question as the last element of a path (RFC 6960, A.1).
func (q question) path() string { return url.QueryEscape(q.base64()) }

func (q question) base64() string { return base64.StdEncoding.EncodeToString(q) }

// get asks with the question in the URL.
func (r *responders) get(ctx context.Context, responder string, q question) ([]byte, error) {
	return r.exchange(ctx, http.MethodGet, strings.TrimSuffix(responder, "/")+"/"+q.path(), nil, len(q.base64()))
}

// post asks with the question in the body.
func (r *responders) post(ctx context.Context, responder string, q question) ([]byte, error) {
	return r.exchange(ctx, http.MethodPost, strings.TrimSuffix(responder, "/"), q, len(q))
}

// exchange returns the body of the answer. length is that of the question as it
// was sent, for the error.
func (r *responders) exchange(ctx context.Context, method, address string, body []byte, length int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/ocsp-request")
	}
	request.Header.Set("Accept", "application/ocsp-response")
	response, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if !r.success(response.StatusCode) {
		return nil, fmt.Errorf("non-ok http status on %s request (reqlen=%d): %d", method, length, response.StatusCode)
	}
	der, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read answer of %s request: %w", method, err)
	}
	if len(der) > maxAnswer {
		return nil, fmt.Errorf("answer of %s request is larger than %d bytes", method, maxAnswer)
	}
	return der, nil
}
