package options

import (
	"net/url"
	"strings"
)

const redacted = "[REDACTED]"

// RedactArgs masks the secrets of a command line in place, so that it is fit to be
// shown: values of -user, -pass and -auth, and what stands before the @ of URLs.
func RedactArgs(args []string) {
	for i, arg := range args {
		mask := masks[flagName(arg)]
		if mask == nil {
			continue
		}
		if name, value, joined := strings.Cut(arg, "="); joined {
			args[i] = name + "=" + mask(value)
		} else if i+1 < len(args) {
			args[i+1] = mask(args[i+1])
		}
	}
}

// masks are the flags with secrets.
var masks = map[string]func(value string) string{
	"user": redactAll, "pass": redactAll, "auth": redactAll,
	"routes": redactURLs, "cluster": redactURL, "cluster_listen": redactURL,
}

// flagName is the name of a flag with one or two dashes, "" of anything else.
func flagName(arg string) string {
	name, dashed := strings.CutPrefix(arg, "-")
	if !dashed {
		return ""
	}
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "-"), "=")
	return name
}

func redactAll(string) string { return redacted }

func redactURLs(list string) string {
	urls := strings.Split(list, ",")
	// A comma may also belong to a user or password: what has no scheme of its
	// own goes on with the URL before it.
	whole := urls[:1]
	for _, u := range urls[1:] {
		if strings.Contains(u, "://") {
			whole = append(whole, u)
		} else {
			whole[len(whole)-1] += "," + u
		}
	}
	for i, u := range whole {
		whole[i] = redactURL(strings.TrimSpace(u))
	}
	return strings.Join(whole, ",")
}

// redactURL works on the text, because what is to be masked may be no proper
// URL: ports may be -1 and passwords may hold anything.
func redactURL(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "", text
	} else {
		scheme += "://"
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = redacted + rest[at:]
	}
	return scheme + rest
}

// RoutesFromStr splits a list of URLs at its commas, as -routes takes it. Texts
// that are no URLs are left out.
func RoutesFromStr(list string) []*url.URL {
	urls := []*url.URL{}
	for _, text := range strings.Split(list, ",") {
		if u, err := url.Parse(strings.TrimSpace(text)); err == nil && u.Host != "" {
			urls = append(urls, u)
		}
	}
	return urls
}
