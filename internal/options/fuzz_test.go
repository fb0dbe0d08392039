package options

import "testing"

// FuzzProcessConfig reads anything: it must not panic, and what it accepts must
// be served or refused with a reason, the same way a second time.
func FuzzProcessConfig(f *testing.F) {
	for _, text := range []string{
		"", "{}", "listen: 127.0.0.1:4222", "port: x", rolesText, "accounts { A { users [{user: a}] } }", "accounts: [A, B]",
		"authorization { users [{nkey: " + userKey1 + ", permissions: {sub: 'a b', allow_responses: {max: 1}}}] }",
		"tls { certs: [{}], cipher_suites: [x], pinned_certs: [1], first: 1s, timeout: 1m }", "jetstream { enabled: false }",
		"proxies { trusted: [{key: a}] }", "server_tags: [a, 1]\nserver_metadata {a: b}", "a: $b", "write_deadline: 5\nlame_duck_duration: 5",
		"feature_flags { x: true }", "cluster { port: 1 }", sharingText, "mappings {" + mappingsText + "}", in(cycles[0].bodies...), in("msg_trace {dest: a, sampling: 5%}"),
		"ws { port: -1, no_tls: true, origins: [http://a], headers {a: b}, handshake_timeout: 1, authorization {user: a}, jwt_cookie: j }",
		"operator: eyJ0\ntrusted: " + operatorKey + "\nresolver: URL(http://h)\nresolver_preload {A: eyJ}\nresolver_pinned_accounts: a",
		"resolver {type: full, dir: x, limit: 1, interval: 1m, allow_delete: true}\nresolver_tls {insecure: true}\ndefault_sentinel: x",
		"authorization { user: a, auth_callout { issuer: " + accountKey1 + ", auth_users: [a] } }",
		"ocsp {mode: must, urls: [a]}\nocsp_cache {type: local, save_interval: 1.5}\ntls { ocsp_peer {ca_timeout: 1s} }",
		in("exports [{service: a.*, latency {subject: b, sampling: headers}}]", "imports [{service {account: A, subject: a.*}, to: 'x.$1'}]"),
		"max_payload: 1e9\nping_interval: 99999999999",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := ProcessConfigString(text)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		o.SetDefaults()
		first := o.Clone().Validate()
		o.SetDefaults()
		second := o.Clone().Validate()
		if (first == nil) != (second == nil) {
			t.Errorf("%v, then %v", first, second)
		}
		again, err := ProcessConfigString(text)
		if err != nil || again.ConfigDigest != o.ConfigDigest {
			t.Errorf("the second time: %v", err)
		}
	})
}
