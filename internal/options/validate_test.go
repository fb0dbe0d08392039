package options

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDefaults(t *testing.T) {
	want := &Options{
		Host: "0.0.0.0", Port: 4222, HTTPHost: "0.0.0.0", MaxConn: 65536, PingInterval: 2 * time.Minute, MaxPingsOut: 2,
		TLSTimeout: 2, AuthTimeout: 2, MaxControlLine: 4096, MaxPayload: 1 << 20, MaxPending: 64 << 20,
		WriteDeadline: 10 * time.Second, MaxClosedClients: 10000, LameDuckDuration: 2 * time.Minute, LameDuckGracePeriod: 10 * time.Second,
	}
	o := &Options{}
	o.SetDefaults()
	if diff := cmp.Diff(want, o, ignorePrivate); diff != "" {
		t.Error(diff)
	}
	if o.SetDefaults(); !cmp.Equal(want, o, ignorePrivate) {
		t.Error("the second time something else is set")
	}
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
	random := &Options{Port: RandomPort}
	if random.SetDefaults(); random.Port != RandomPort {
		t.Errorf("random port became %d", random.Port)
	}
}

// Go: TestDefaultAuthTimeout server/opts_test.go:3150
func TestAuthenticationTakesLongerThanTLS(t *testing.T) {
	certFile, keyFile := pair(t)
	config, err := GenTLSConfig(&TLSOptions{CertFile: certFile, KeyFile: keyFile, CaFile: certFile, Timeout: 4})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []*Options{{TLSConfig: config, TLSTimeout: 4}, {TLSCert: certFile, TLSKey: keyFile, TLSTimeout: 4}} {
		if o.SetDefaults(); o.AuthTimeout != 5 {
			t.Errorf("authentication timeout %v", o.AuthTimeout)
		}
		if err := o.Validate(); err != nil || o.TLSConfig == nil {
			t.Errorf("%v, TLS %v", err, o.TLSConfig)
		}
	}
	plain := &Options{}
	if plain.SetDefaults(); plain.AuthTimeout != 2 {
		t.Errorf("authentication timeout %v", plain.AuthTimeout)
	}
}

func TestSystemAccountIsFoundByItsName(t *testing.T) {
	for text, want := range map[string]string{
		"accounts { $SYS {} }":                          SystemAccount,
		"accounts { $SYS {}, A {} }\nsystem_account: A": "A",
		"accounts { A {} }":                             "",
		"accounts { $SYS {} }\nno_system_account: true": "",
	} {
		o := read(t, text)
		o.SetDefaults()
		if o.SystemAccount != want {
			t.Errorf("%q: %q", text, o.SystemAccount)
		}
		if err := o.Validate(); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Go: TestLameDuckOptionsValidation server/server_test.go:990
func TestWhatCannotBeServed(t *testing.T) {
	certFile, _ := pair(t)
	types := func(names ...string) map[string]struct{} { return set(names...) }
	permissions := func(p Permissions) *Options { return &Options{Users: []*User{{Username: "u", Permissions: &p}}} }
	list := func(allow, deny string) *SubjectPermission {
		p := &SubjectPermission{}
		if allow != "" {
			p.Allow = []string{allow}
		}
		if deny != "" {
			p.Deny = []string{deny}
		}
		return p
	}
	for want, o := range map[string]*Options{
		"max_payload (100000) cannot be higher than max_pending (50000)": {MaxPayload: 100000, MaxPending: 50000},
		"max_payload (-1) cannot be negative":                            {MaxPayload: -1},
		"max_closed_clients (-1) cannot be negative":                     {MaxClosedClients: -1},
		"server name cannot contain spaces":                              {ServerName: "a b"},
		"lame duck grace period (10s) should be strictly lower than lame duck duration (5s)": {
			LameDuckDuration: 5 * time.Second, LameDuckGracePeriod: 10 * time.Second},
		"can't specify both HTTP (1) and HTTPs (2) ports":                                          {HTTPPort: 1, HTTPSPort: 2},
		"TLS cert and key required for HTTPS":                                                      {HTTPSPort: 2},
		"error resolving system account: account missing":                                          {SystemAccount: "A"},
		"system_account and no_system_account exclude each other":                                  {SystemAccount: "A", NoSystemAccount: true, Accounts: []*Account{{Name: "A"}}},
		`duplicate account "A"`:                                                                    {Accounts: []*Account{{Name: "A"}, {Name: "A"}}},
		`user "u": account "A" is not configured`:                                                  {Users: []*User{{Username: "u", Account: &Account{Name: "A"}}}},
		`Duplicate user "u" detected`:                                                              {Users: []*User{{Username: "u"}, {Username: "u"}}},
		`Duplicate nkey "` + userKey1 + `" detected`:                                               {Nkeys: []*NkeyUser{{Nkey: userKey1}, {Nkey: userKey1}}},
		"Not a valid public nkey for a user":                                                       {Nkeys: []*NkeyUser{{Nkey: "somekey"}}},
		`unknown connection type "someNewType"`:                                                    {Users: []*User{{Username: "u", AllowedConnectionTypes: types(ConnectionStandard, "someNewType")}}},
		`unknown connection type "otherType"`:                                                      {Nkeys: []*NkeyUser{{Nkey: userKey1, AllowedConnectionTypes: types("otherType")}}},
		`proxy trusted key "bad1" is invalid`:                                                      {TrustedProxies: []string{userKey1, "bad1", userKey2, "bad2"}},
		`invalid permissions for user "u": publish allow: subject "a..b" is not a valid subject`:   permissions(Permissions{Publish: list("a..b", "")}),
		`invalid permissions for user "u": publish deny: subject "a b" is not a valid subject`:     permissions(Permissions{Publish: list("", "a b")}),
		`invalid permissions for user "u": subscribe allow: queue "q..q" is not a valid queue`:     permissions(Permissions{Subscribe: list("a q..q", "")}),
		`invalid permissions for user "u": subscribe deny: subject "a b c" is not a valid subject`: permissions(Permissions{Subscribe: list("", "a b c")}),
		`invalid permissions for nkey "` + userKey1 + `": publish allow: subject "" is not a valid subject`: {
			Nkeys: []*NkeyUser{{Nkey: userKey1, Permissions: &Permissions{Publish: &SubjectPermission{Allow: []string{""}}}}}},
		`no_auth_user: "x" present, but users/nkeys are not defined`: {NoAuthUser: "x"},
		`no_auth_user: "x" not present as user or nkey in authorization block or account configuration`: {
			NoAuthUser: "x", Users: []*User{{Username: "u"}}},
		"error parsing 'pinned_certs' key":                 {TLSPinnedCerts: PinnedCertSet{"abc": {}}},
		"missing 'cert_file' in TLS configuration":         {TLSConfig: &tls.Config{}},
		"TLS Server certificate must be present and valid": {TLS: true},
		"TLS Server private key must be present and valid": {TLSCert: certFile},
		"no such file": {TLSCert: certFile, TLSKey: "/none.pem"},
	} {
		o := o.Clone()
		o.SetDefaults()
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

func TestWhatIsServed(t *testing.T) {
	for _, o := range []*Options{
		{LameDuckDuration: time.Second, LameDuckGracePeriod: -time.Millisecond},
		{SystemAccount: SystemAccount},
		{NoAuthUser: userKey1, Nkeys: []*NkeyUser{{Nkey: userKey1}}},
		{Users: []*User{{Username: "u", AllowedConnectionTypes: set("websocket")}}},
		{Users: []*User{{Username: "u", Account: &Account{Name: GlobalAccount}}}},
		{TLSConfig: &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}},
	} {
		o.SetDefaults()
		if err := o.Validate(); err != nil {
			t.Errorf("%+v\n%v", o, err)
		}
	}
}

// Go: TestLargeMaxPayload server/opts_test.go:2626
func TestLargeMaxPayload(t *testing.T) {
	refuse(t, "max_payload = 3000000000", "max_payload value is too big")
	o := read(t, "max_payload = 100000\nmax_pending = 50000")
	o.SetDefaults()
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "cannot be higher") {
		t.Error(err)
	}
}

func TestNoAuthUserIsFoundEverywhere(t *testing.T) {
	text := `
		accounts {
			synadia { users = [ {user: a, password: a}, {nkey: ` + userKey4 + `} ] }
			acc { users = [ {user: c, password: c} ] }
		}
		authorization { users = [ {user: b, password: b} ] }
		no_auth_user: `
	for _, name := range []string{"a", "b", "c", userKey4} {
		o := read(t, text+name)
		o.SetDefaults()
		if err := o.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"notthere", userKey1} {
		o := read(t, text+name)
		o.SetDefaults()
		if err := o.Validate(); err == nil || !strings.HasPrefix(err.Error(), "no_auth_user") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
