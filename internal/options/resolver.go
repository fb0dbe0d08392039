package options

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/conf"
)

// Defaults of account resolvers.
const (
	DefaultResolverTimeout  = 1900 * time.Millisecond
	DefaultResolverInterval = time.Minute
	DefaultResolverCache    = 1000 // accounts
)

// ResolverKind says where the JWTs of accounts come from.
type ResolverKind uint8

// Kinds of resolvers.
const (
	ResolverMemory ResolverKind = iota // only what is preloaded
	ResolverURL                        // a web server
	ResolverFull                       // a directory of all accounts, shared between servers
	ResolverCache                      // a directory of the accounts in use
)

// ResolverOpts describe a resolver of accounts.
type ResolverOpts struct {
	Kind ResolverKind
	// URL is of a ResolverURL, with a slash at the end; the key of an account is
	// appended.
	URL string

	// Of directories.
	Directory   string
	Limit       int64         // accounts; 0: DefaultResolverCache, or any number if full
	Timeout     time.Duration // of a question to other servers
	Interval    time.Duration // between comparisons with other servers, if there are any; full
	AllowDelete bool          // full
	HardDelete  bool          // files are removed instead of renamed; full
	TTL         time.Duration // since the last use, 0 for as long as the JWT says; cache
}

// stores reports whether accounts are asked for and kept by way of the system
// account.
func (r *ResolverOpts) stores() bool { return r.Kind == ResolverFull || r.Kind == ResolverCache }

func (r *ResolverOpts) clone() *ResolverOpts {
	if r == nil {
		return nil
	}
	fresh := *r
	return &fresh
}

const badResolver = "error parsing account resolver, should be MEM or " +
	" URL(\"url\") or a map containing dir and type state=[FULL|CACHE])"

// urlResolver is the form of a URL resolver.
var urlResolver = regexp.MustCompile(`(?i)^\s*URL\(\s*"?([^\s"]+?)"?\s*\)\s*$`)

// setResolver reads `resolver`.
func setResolver(d *decoder, e *conf.Entry) {
	d.o.AccountResolver = nil
	switch v := e.Value.Data.(type) {
	case string:
		d.o.AccountResolver = d.namedResolver(e, v)
	case *conf.Map:
		d.o.AccountResolver = d.directoryResolver(e, v)
	default:
		d.fail(e.Pos, "error parsing operator resolver, wrong type %s", typeName(v))
	}
}

func (d *decoder) namedResolver(e *conf.Entry, text string) *ResolverOpts {
	if isMemory(text) {
		return &ResolverOpts{Kind: ResolverMemory}
	}
	found := urlResolver.FindStringSubmatch(text)
	if found == nil {
		d.fail(e.Pos, badResolver)
		return nil
	}
	if _, err := url.Parse(found[1]); err != nil {
		d.fail(e.Pos, "error parsing account resolver url [%q]", found[1])
		return nil
	}
	return &ResolverOpts{Kind: ResolverURL, URL: strings.TrimSuffix(found[1], "/") + "/"}
}

func isMemory(text string) bool {
	text = strings.TrimSpace(text)
	return strings.EqualFold(text, "MEM") || strings.EqualFold(text, "MEMORY")
}

// resolverBlock is a resolver while its block is being read. said are the keys
// that were given and ask for something.
type resolverBlock struct {
	ResolverOpts
	kind string
	said map[string]bool
}

// directoryResolver reads a block, nil if something is wrong with it.
func (d *decoder) directoryResolver(e *conf.Entry, m *conf.Map) *ResolverOpts {
	before := len(d.errors)
	b := &resolverBlock{said: make(map[string]bool)}
	for _, item := range m.Entries {
		d.resolverKey(b, item)
	}
	if len(d.errors) > before {
		return nil
	}
	switch kind := strings.ToUpper(b.kind); kind {
	case "FULL":
		b.Kind = ResolverFull
		d.refuse(e, b, kind, "ttl")
		if b.said["hard_delete"] && !b.AllowDelete {
			d.fail(e.Pos, "hard_delete has no effect without delete")
		}
		if b.Interval <= 0 {
			b.Interval = DefaultResolverInterval
		}
		b.Limit = max(b.Limit, 0)
	case "CACHE":
		b.Kind = ResolverCache
		d.refuse(e, b, kind, "sync", "allow_delete", "hard_delete")
		if b.Limit < 0 {
			d.fail(e.Pos, "CACHE does not accept a negative limit")
		}
	case "MEM", "MEMORY":
		d.refuse(e, b, "MEM", "dir", "limit", "timeout", "sync", "allow_delete", "hard_delete", "ttl")
	default:
		d.fail(e.Pos, badResolver)
	}
	if b.stores() {
		d.resolverDirectory(e, b)
	}
	if len(d.errors) > before {
		return nil
	}
	return &b.ResolverOpts
}

// refuse reports keys that a kind of resolver does not have.
func (d *decoder) refuse(e *conf.Entry, b *resolverBlock, kind string, keys ...string) {
	for _, key := range keys {
		if b.said[key] {
			d.fail(e.Pos, "%s does not accept %s", kind, key)
		}
	}
}

func (d *decoder) resolverKey(b *resolverBlock, e *conf.Entry) {
	switch key := strings.ToLower(e.Key); key {
	case "type":
		b.kind = d.string(e)
	case "dir":
		b.Directory, b.said[key] = d.path(e), true
	case "limit":
		b.Limit, b.said[key] = d.int(e), true
	case "allow_delete":
		b.AllowDelete = d.bool(e)
		b.said[key] = b.AllowDelete
	case "hard_delete":
		b.HardDelete, b.said[key] = d.bool(e), true
	case "interval":
		b.Interval = d.resolverDuration(e)
		b.said["sync"] = b.Interval != 0
	case "ttl":
		b.TTL = d.resolverDuration(e)
		b.said[key] = b.TTL != 0
	case "timeout":
		b.Timeout, b.said[key] = d.resolverDuration(e), true
	default:
		d.unknown(e)
	}
}

func (d *decoder) resolverDuration(e *conf.Entry) time.Duration {
	text := d.string(e)
	if _, ok := e.Value.Data.(string); !ok {
		return 0
	}
	v, err := time.ParseDuration(text)
	switch {
	case err != nil:
		d.fail(e.Pos, "%v", err)
	case v < 0 && !strings.EqualFold(e.Key, "timeout"):
		d.fail(e.Pos, "%s can not be negative", e.Key)
	}
	return v
}

func (d *decoder) resolverDirectory(e *conf.Entry, b *resolverBlock) {
	if b.Directory == "" {
		d.fail(e.Pos, "dir has no value and needs to point to a directory")
	} else if info, err := os.Stat(b.Directory); err == nil && (!info.IsDir() || info.Mode().Perm()&0o200 == 0) {
		d.fail(e.Pos, "dir needs to point to an accessible directory")
	}
	switch {
	case !b.said["timeout"]:
		b.Timeout = DefaultResolverTimeout
	case b.Timeout <= 0:
		d.fail(e.Pos, "Fetch timeout %v is too smal", b.Timeout)
	}
}

// setResolverTLS reads `resolver_tls`, for connections to a URL resolver.
func setResolverTLS(d *decoder, e *conf.Entry) {
	_, config := d.tlsBlock(e, dialer)
	if config == nil {
		return
	}
	config.RootCAs, config.ClientCAs = config.ClientCAs, nil
	d.o.AccountResolverTLSConfig = config
}

// checkResolver looks at the resolver of operators and what is said about it.
func (o *Options) checkResolver() error {
	for _, key := range slices.Sorted(maps.Keys(o.ResolverPinnedAccounts)) {
		if !nkeys.IsValidPublicAccountKey(key) {
			return fmt.Errorf("pinned account key %q is not a valid public account nkey", key)
		}
	}
	r := o.AccountResolver
	if r == nil {
		return errors.New("operators require an account resolver to be configured")
	}
	if r.Kind > ResolverCache {
		return fmt.Errorf("unknown kind of account resolver: %d", r.Kind)
	}
	if r.Kind != ResolverURL {
		return nil
	}
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("account resolver: %q is not the URL of a web server", r.URL)
	}
	if len(o.ResolverPreloads) > 0 {
		return errors.New("resolver preloads only available for writeable resolver types MEM/DIR/CACHE_DIR")
	}
	return nil
}
