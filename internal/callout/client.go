package callout

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"strings"

	"github.com/nats-io/jwt/v2"

	"github.com/godwit-mq/godwit/internal/options"
)

// Client is the connection that is asked about.
type Client struct {
	Host    string // IP address; empty: not known
	ID      uint64
	User    string   // as logs show it: a token is redacted
	Tags    []string // of the JWT that it brought
	NameTag string   // likewise
	MQTTID  string   // client id of MQTT
	Nonce   []byte   // as sent in INFO

	// Connect is what the service gets to see, passwords included. Its JWT is empty
	// outside of operator mode, unless it came as a password of MQTT.
	Connect options.ClientOpts
	TLS     *tls.ConnectionState // nil without TLS

	ConnectionType string // one of options.ConnectionStandard and so on
	Proxied        bool   // by a trusted proxy
	// ProxyRequired: the user that was found may only come by way of one. The
	// answer cannot lift that.
	ProxyRequired bool
}

// fill writes what is known of the client into a question.
func (c *Client) fill(r *jwt.AuthorizationRequest) {
	kind, protocol := describe(c.ConnectionType)
	r.ClientInformation = jwt.ClientInformation{
		Host: c.Host, ID: c.ID, User: c.User, Name: c.Connect.Name, Tags: c.Tags, NameTag: c.NameTag,
		Kind: kind, Type: protocol, MQTT: c.MQTTID,
	}
	if c.Connect.Sig != "" {
		r.ClientInformation.Nonce = string(c.Nonce)
	}
	r.ConnectOptions = jwt.ConnectOptions{
		JWT: c.Connect.JWT, Nkey: c.Connect.Nkey, SignedNonce: c.Connect.Sig, Token: c.Connect.Token,
		Username: c.Connect.Username, Password: c.Connect.Password,
		Name: c.Connect.Name, Lang: c.Connect.Lang, Version: c.Connect.Version, Protocol: c.Connect.Protocol,
	}
	if c.TLS != nil {
		r.TLS = describeTLS(c.TLS)
	}
}

// describe names the kind of a connection and, for clients, its protocol.
func describe(connectionType string) (kind, protocol string) {
	switch connectionType {
	case options.ConnectionLeafnode, options.ConnectionLeafnodeWS:
		return "Leafnode", ""
	case options.ConnectionWebsocket:
		return "Client", "websocket"
	case options.ConnectionMQTT, options.ConnectionMQTTWS:
		return "Client", "mqtt"
	}
	return "Client", "nats"
}

// describeTLS gives the chains that were verified or, if none was, what the client
// presented.
func describeTLS(state *tls.ConnectionState) *jwt.ClientTLS {
	d := &jwt.ClientTLS{
		Version: strings.TrimPrefix(tls.VersionName(state.Version), "TLS "),
		Cipher:  tls.CipherSuiteName(state.CipherSuite),
	}
	for _, chain := range state.VerifiedChains {
		d.VerifiedChains = append(d.VerifiedChains, encodeCertificates(chain))
	}
	if len(d.VerifiedChains) == 0 {
		d.Certs = encodeCertificates(state.PeerCertificates)
	}
	return d
}

func encodeCertificates(certificates []*x509.Certificate) (list jwt.StringList) {
	for _, c := range certificates {
		list = append(list, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})))
	}
	return list
}
