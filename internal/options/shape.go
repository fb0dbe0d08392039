package options

import (
	"strings"

	"github.com/godwit-mq/godwit/internal/conf"
)

// shape is which keys a block of a feature that does not exist yet may have, so
// that a mistyped key is found beside the refusal of the block. The blocks of an
// array are all of one shape.
type shape struct {
	keys map[string]*shape // nil: any value
	text string            // of the error about another key, if not the usual one
}

// shaped makes a shape of keys, separated by blanks, whose values may be
// anything, and of blocks.
func shaped(keys string, blocks map[string]*shape) *shape {
	s := &shape{keys: make(map[string]*shape)}
	for _, key := range strings.Fields(keys) {
		s.keys[key] = nil
	}
	for names, block := range blocks {
		for _, key := range strings.Fields(names) {
			s.keys[key] = block
		}
	}
	return s
}

func (s *shape) calling(text string) *shape {
	s.text = text
	return s
}

// check reports the keys of a value that its shape does not have.
func (s *shape) check(d *decoder, value conf.Value) {
	if s == nil {
		return
	}
	switch v := value.Data.(type) {
	case []conf.Value:
		for _, item := range v {
			s.check(d, item)
		}
	case *conf.Map:
		for _, e := range v.Entries {
			below, known := s.keys[strings.ToLower(e.Key)]
			switch {
			case known:
				below.check(d, e.Value)
			case s.text != "":
				d.unknownAs(e, s.text)
			default:
				d.unknown(e)
			}
		}
	}
}

var (
	tlsShape = shaped(`cert_file key_file ca_file verify verify_and_map verify_cert_and_check_known_urls insecure
		cipher_suites allow_insecure_cipher_suites curve_preferences timeout connection_rate_limit pinned_certs min_version
		handshake_first first immediate cert_store cert_match cert_match_by cert_match_skip_invalid ca_certs_match`,
		map[string]*shape{
			"certs certificates": shaped("cert_file key_file", nil).calling("error parsing tls certs config, unknown field %q"),
			"ocsp_peer": shaped("verify ca_timeout allowed_clockskew warn_only unknown_is_good allow_when_ca_unreachable "+
				"cache_ttl_when_next_update_unset", nil).calling("error parsing tls peer config, unknown field [%q]"),
		}).calling("error parsing tls config, unknown field %q")

	permissionsShape = shaped("publish_allow_responses allow_responses", map[string]*shape{
		"pub publish import sub subscribe export": shaped("allow deny", nil).
			calling("Unknown field name %q parsing subject permissions, only 'allow' or 'deny' are permitted"),
	}).calling("Unknown field %q parsing permissions")

	compressionShape = shaped("mode rtt_thresholds thresholds rtts rtt", nil)

	clusterShape = shaped(`name listen host net port routes cluster_advertise advertise no_advertise connect_retries connect_backoff
		pool_size accounts ping_interval ping_max write_deadline write_timeout`, map[string]*shape{
		"authorization": peerShape, "tls": tlsShape, "permissions": permissionsShape, "compression": compressionShape,
	})

	gatewayShape = shaped(`name listen host net port advertise connect_retries connect_backoff reject_unknown reject_unknown_cluster
		write_deadline write_timeout`, map[string]*shape{
		"authorization": peerShape, "tls": tlsShape, "gateways": shaped("name url urls", map[string]*shape{"tls": tlsShape}),
	})

	// peerShape has what peers are refused for with texts of their own: users,
	// token and callouts.
	peerShape = shaped("user username pass password timeout token users auth_callout auth_hook default_permission default_permissions proxy_required",
		map[string]*shape{"permissions": permissionsShape})

	leafnodesShape = shaped(`listen host net port reconnect reconnect_delay reconnect_interval dial_timeout leafnode_advertise advertise
		no_advertise min_version minimum_version isolate_leafnode_interest isolate write_deadline write_timeout`, map[string]*shape{
		"tls": tlsShape, "compression": compressionShape, "remotes": remoteShape,
		"authorization": shaped("user username pass password nkey timeout account proxy_required", map[string]*shape{
			"users": shaped("user username pass password account proxy_required", nil),
		}),
	})

	remoteShape = shaped(`url urls no_randomize dont_randomize account local creds credentials nkey seed hub deny_imports deny_import
		deny_exports deny_export ws_compress ws_compression websocket_compress websocket_compression ws_no_masking websocket_no_masking
		isolate_leafnode_interest isolate request_isolation first_info_timeout dial_timeout disabled ignore_discovered_servers`,
		map[string]*shape{
			"tls": tlsShape, "compression": compressionShape,
			"jetstream_cluster_migrate js_cluster_migrate": shaped("leader_migrate_delay", nil),
			"proxy": shaped("url username password timeout", map[string]*shape{"tls": tlsShape}),
		})

	mqttShape = shaped(`listen host net port no_auth_user ack_wait ackwait js_api_timeout api_timeout max_ack_pending max_pending
		max_inflight js_domain stream_replicas consumer_replicas consumer_memory_storage consumer_inactive_threshold
		consumer_auto_cleanup reject_qos2_publish downgrade_qos2_subscribe`, map[string]*shape{
		"tls": tlsShape, "authorization authentication": shaped("user username pass password token timeout", nil),
	})

	jetstreamShape = shaped(`enabled enable disabled disable strict store store_dir storedir sync sync_interval max_memory_store
		max_mem_store max_mem max_file_store max_file domain key ek encryption_key prev_key prev_ek prev_encryption_key cipher
		extension_hint unique_tag max_outstanding_catchup max_buffered_size max_buffered_msgs request_queue_limit info_queue_limit
		meta_compact meta_compact_size meta_compact_sync max_concurrent_io`, map[string]*shape{
		"tpm": shaped("keys_file encryption_password srk_password pcr cipher", nil),
		"limits": shaped("max_ack_pending max_ha_assets max_request_batch duplicate_window", map[string]*shape{
			"batch": shaped("max_inflight_per_stream max_inflight_total max_msgs timeout", nil),
		}),
	})

	accountJetstreamShape = shaped(`enabled enable disabled disable max_memory max_mem mem memory max_store max_file max_disk store disk
		max_streams streams max_consumers consumers max_bytes_required max_stream_bytes max_bytes mem_max_stream_bytes
		memory_max_stream_bytes disk_max_stream_bytes store_max_stream_bytes max_ack_pending cluster_traffic`, nil)
)
