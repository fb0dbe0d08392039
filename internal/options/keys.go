package options

import (
	"strings"

	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/conf"
)

// setter carries out one key of a configuration file.
type setter func(d *decoder, e *conf.Entry)

func setString(field func(*Options) *string) setter {
	return func(d *decoder, e *conf.Entry) { *field(d.o) = d.string(e) }
}

func setPath(field func(*Options) *string) setter {
	return func(d *decoder, e *conf.Entry) { *field(d.o) = d.path(e) }
}

func setBool(field func(*Options) *bool) setter {
	return func(d *decoder, e *conf.Entry) { *field(d.o) = d.bool(e) }
}

func setInt(field func(*Options) *int) setter {
	return func(d *decoder, e *conf.Entry) { *field(d.o) = int(d.int(e)) }
}

// topKeys are the keys of the top level that take effect, aliases included.
var topKeys map[string]setter

func init() { // refers to functions that refer to the map
	topKeys = map[string]setter{
		"listen":           setListen,
		"host":             setString(func(o *Options) *string { return &o.Host }),
		"net":              setString(func(o *Options) *string { return &o.Host }),
		"port":             func(d *decoder, e *conf.Entry) { d.o.Port = d.port(e) },
		"client_advertise": setString(func(o *Options) *string { return &o.ClientAdvertise }),
		"server_name":      setServerName,
		"server_tags":      func(d *decoder, e *conf.Entry) { d.o.Tags = d.list(e) },
		"server_metadata":  setMetadata,

		"debug":         setBool(func(o *Options) *bool { return &o.Debug }),
		"trace":         setBool(func(o *Options) *bool { return &o.Trace }),
		"trace_verbose": func(d *decoder, e *conf.Entry) { b := d.bool(e); d.o.TraceVerbose, d.o.Trace = b, b || d.o.Trace },
		"trace_headers": func(d *decoder, e *conf.Entry) { b := d.bool(e); d.o.TraceHeaders, d.o.Trace = b, b || d.o.Trace },
		"logtime": func(d *decoder, e *conf.Entry) {
			d.o.Logtime = d.bool(e)
			d.o.logtimeSet = true
		},
		"logtime_utc":        setBool(func(o *Options) *bool { return &o.LogtimeUTC }),
		"logfile":            setPath(func(o *Options) *string { return &o.LogFile }),
		"log_file":           setPath(func(o *Options) *string { return &o.LogFile }),
		"logfile_size_limit": func(d *decoder, e *conf.Entry) { d.o.LogSizeLimit = d.int(e) },
		"log_size_limit":     func(d *decoder, e *conf.Entry) { d.o.LogSizeLimit = d.int(e) },
		"logfile_max_num":    func(d *decoder, e *conf.Entry) { d.o.LogMaxFiles = d.int(e) },
		"log_max_num":        func(d *decoder, e *conf.Entry) { d.o.LogMaxFiles = d.int(e) },
		"syslog":             setBool(func(o *Options) *bool { return &o.Syslog }),
		"remote_syslog":      setString(func(o *Options) *string { return &o.RemoteSyslog }),
		"max_traced_msg_len": setInt(func(o *Options) *int { return &o.MaxTracedMsgLen }),
		"pidfile":            setPath(func(o *Options) *string { return &o.PidFile }),
		"pid_file":           setPath(func(o *Options) *string { return &o.PidFile }),
		"ports_file_dir":     setPath(func(o *Options) *string { return &o.PortsFileDir }),

		"http":            setHTTP,
		"https":           setHTTPS,
		"http_port":       func(d *decoder, e *conf.Entry) { d.o.HTTPPort = d.port(e) },
		"monitor_port":    func(d *decoder, e *conf.Entry) { d.o.HTTPPort = d.port(e) },
		"https_port":      func(d *decoder, e *conf.Entry) { d.o.HTTPSPort = d.port(e) },
		"http_base_path":  setString(func(o *Options) *string { return &o.HTTPBasePath }),
		"prof_port":       func(d *decoder, e *conf.Entry) { d.o.ProfPort = d.port(e) },
		"prof_block_rate": setInt(func(o *Options) *int { return &o.ProfBlockRate }),

		"max_control_line":        func(d *decoder, e *conf.Entry) { d.o.MaxControlLine = d.int32(e) },
		"max_payload":             func(d *decoder, e *conf.Entry) { d.o.MaxPayload = d.int32(e) },
		"max_pending":             func(d *decoder, e *conf.Entry) { d.o.MaxPending = d.int(e) },
		"max_connections":         setMaxConnections,
		"max_conn":                setMaxConnections,
		"max_subscriptions":       setInt(func(o *Options) *int { return &o.MaxSubs }),
		"max_subs":                setInt(func(o *Options) *int { return &o.MaxSubs }),
		"max_subscription_tokens": setMaxSubTokens,
		"max_sub_tokens":          setMaxSubTokens,
		"max_closed_clients":      setInt(func(o *Options) *int { return &o.MaxClosedClients }),
		"ping_interval":           func(d *decoder, e *conf.Entry) { d.o.PingInterval = d.duration(e) },
		"ping_max":                setInt(func(o *Options) *int { return &o.MaxPingsOut }),
		"write_deadline":          func(d *decoder, e *conf.Entry) { d.o.WriteDeadline = d.duration(e) },
		"write_timeout":           setWriteTimeout,
		"lame_duck_duration":      setLameDuckDuration,
		"lame_duck_grace_period":  setLameDuckGrace,
		"no_fast_producer_stall":  setBool(func(o *Options) *bool { return &o.NoFastProducerStall }),
		"no_header_support":       setBool(func(o *Options) *bool { return &o.NoHeaderSupport }),
		"disable_sublist_cache":   setBool(func(o *Options) *bool { return &o.NoSublistCache }),
		"no_sublist_cache":        setBool(func(o *Options) *bool { return &o.NoSublistCache }),
		"proxy_protocol":          setBool(func(o *Options) *bool { return &o.ProxyProtocol }),

		"allow_non_tls":     setBool(func(o *Options) *bool { return &o.AllowNonTLS }),
		"tls":               setTLS,
		"authorization":     setAuthorization,
		"accounts":          setAccounts,
		"no_auth_user":      setString(func(o *Options) *string { return &o.NoAuthUser }),
		"system_account":    setString(func(o *Options) *string { return &o.SystemAccount }),
		"system":            setString(func(o *Options) *string { return &o.SystemAccount }),
		"no_system_account": setBool(func(o *Options) *bool { return &o.NoSystemAccount }),
		"no_system":         setBool(func(o *Options) *bool { return &o.NoSystemAccount }),
		"no_sys_acc":        setBool(func(o *Options) *bool { return &o.NoSystemAccount }),
		"proxies":           setProxies,

		"mappings":                 setMappings,
		"maps":                     setMappings,
		"websocket":                setWebsocket,
		"ws":                       setWebsocket,
		"operator":                 setOperators,
		"operators":                setOperators,
		"roots":                    setOperators,
		"root":                     setOperators,
		"root_operators":           setOperators,
		"root_operator":            setOperators,
		"trusted":                  setTrustedKeys,
		"trusted_keys":             setTrustedKeys,
		"resolver":                 setResolver,
		"account_resolver":         setResolver,
		"accounts_resolver":        setResolver,
		"resolver_tls":             setResolverTLS,
		"resolver_preload":         setPreloads,
		"resolver_pinned_accounts": setPinnedAccounts,
		"default_sentinel":         setString(func(o *Options) *string { return &o.DefaultSentinel }),
		"jetstream":                setJetstream,
		"store_dir":                setStoreDir,
		"storedir":                 setStoreDir,
		"ocsp":                     setOCSP,
		"ocsp_cache":               setOCSPCache,
		"feature_flags":            setFeatureFlags,
	}
}

// unsupportedKeys are the keys that the reference has and godwit does not read
// yet, with the shapes of their blocks.
var unsupportedKeys = map[string]*shape{
	"cluster": clusterShape, "gateway": gatewayShape, "leafnodes": leafnodesShape, "leaf": leafnodesShape, "mqtt": mqttShape,
	"default_js_domain":     nil,
	"connect_error_reports": nil, "reconnect_error_reports": nil,
}

func set(keys ...string) map[string]struct{} {
	m := make(map[string]struct{}, len(keys))
	for _, k := range keys {
		m[k] = struct{}{}
	}
	return m
}

func setListen(d *decoder, e *conf.Entry) {
	if host, port, ok := d.listen(e); ok {
		d.o.Host, d.o.Port = host, port
	}
}

func setHTTP(d *decoder, e *conf.Entry) {
	if host, port, ok := d.listen(e); ok {
		d.o.HTTPHost, d.o.HTTPPort = host, port
	}
}

func setHTTPS(d *decoder, e *conf.Entry) {
	if host, port, ok := d.listen(e); ok {
		d.o.HTTPHost, d.o.HTTPSPort = host, port
	}
}

func setServerName(d *decoder, e *conf.Entry) {
	d.o.ServerName = d.string(e)
	if strings.Contains(d.o.ServerName, " ") {
		d.fail(e.Pos, "server name cannot contain spaces")
	}
}

func setMetadata(d *decoder, e *conf.Entry) {
	m := d.block(e, "Expected server_metadata to be a map/struct, got %+v")
	if m == nil {
		return
	}
	d.o.Metadata = make(map[string]string, len(m.Entries))
	for _, item := range m.Entries {
		d.o.Metadata[item.Key] = d.string(item)
	}
}

// setMaxConnections takes 0 for "none", which in Options means the default.
func setMaxConnections(d *decoder, e *conf.Entry) {
	if d.o.MaxConn = int(d.int(e)); d.o.MaxConn == 0 {
		d.o.MaxConn = -1
	}
}

func setMaxSubTokens(d *decoder, e *conf.Entry) {
	switch n := d.int(e); {
	case n > 255:
		d.fail(e.Pos, "%s value is too big", e.Key)
	case n < 0:
		d.fail(e.Pos, "%s value can not be negative", e.Key)
	default:
		d.o.MaxSubTokens = uint8(n)
	}
}

func setWriteTimeout(d *decoder, e *conf.Entry) {
	switch text := d.string(e); text {
	case "default":
		d.o.WriteTimeout = WriteTimeoutDefault
	case "close":
		d.o.WriteTimeout = WriteTimeoutClose
	case "retry":
		d.o.WriteTimeout = WriteTimeoutRetry
	default:
		d.fail(e.Pos, "error parsing write_timeout: %q is none of 'default', 'close', 'retry'", text)
	}
}

func setLameDuckDuration(d *decoder, e *conf.Entry) {
	before := len(d.errors)
	v := d.duration(e)
	if v < minLameDuck && len(d.errors) == before {
		d.fail(e.Pos, "invalid lame_duck_duration of %v, minimum is 30 seconds", v)
		return
	}
	d.o.LameDuckDuration = v
}

func setLameDuckGrace(d *decoder, e *conf.Entry) {
	before := len(d.errors)
	v := d.duration(e)
	if v < 0 && len(d.errors) == before {
		d.fail(e.Pos, "invalid lame_duck_grace_period, needs to be positive")
		return
	}
	d.o.LameDuckGracePeriod = v
}

func setProxies(d *decoder, e *conf.Entry) {
	m, ok := e.Value.Data.(*conf.Map)
	if !ok {
		d.fail(e.Pos, "expected proxies to be a map/struct, got %s", typeName(e.Value.Data))
		return
	}
	for _, item := range m.Entries {
		if strings.ToLower(item.Key) != "trusted" {
			d.unknown(item)
			continue
		}
		list, ok := item.Value.Data.([]conf.Value)
		if !ok {
			d.fail(item.Pos, "expected proxies' trusted field to be an array, got %s", typeName(item.Value.Data))
			continue
		}
		for _, proxy := range list {
			d.trustedProxy(proxy)
		}
	}
}

func (d *decoder) trustedProxy(v conf.Value) {
	m, ok := v.Data.(*conf.Map)
	if !ok {
		d.fail(v.Pos, "expected proxies' trusted entry to be a map/struct, got %s", typeName(v.Data))
		return
	}
	for _, item := range m.Entries {
		switch strings.ToLower(item.Key) {
		case "key", "public_key":
			key := d.string(item)
			if !nkeys.IsValidPublicKey(key) {
				d.fail(item.Pos, "invalid proxy key %q", key)
				continue
			}
			d.o.TrustedProxies = append(d.o.TrustedProxies, key)
		default:
			d.unknown(item)
		}
	}
}

// knownFlags are the reference's feature flags. All are about JetStream or
// peers, so none can be switched on yet.
var knownFlags = map[string]bool{
	"js_ack_fc_v2": false, "js_api_reply_v2": false, "js_raft_delete_range": true, "js_snapshot_sources": false,
}

func setFeatureFlags(d *decoder, e *conf.Entry) {
	m := d.block(e, "Expected feature_flags to be a map/struct, got %+v")
	if m == nil {
		return
	}
	for _, item := range m.Entries {
		on, good := item.Value.Data.(bool)
		standard, known := knownFlags[item.Key]
		switch {
		case !good:
			d.fail(item.Pos, "error parsing feature flag %q: expected bool, got %T", item.Key, item.Value.Data)
		case !known:
			d.warn(item.Pos, "unknown feature flag %q", item.Key)
		case on != standard:
			d.unsupported(item)
		}
	}
}

// KnownFeatureFlags returns the feature flags with their values in force.
func KnownFeatureFlags() map[string]bool {
	flags := make(map[string]bool, len(knownFlags))
	for name, value := range knownFlags {
		flags[name] = value
	}
	return flags
}
