package options

import (
	"strings"

	"github.com/godwit-mq/godwit/internal/conf"
	"github.com/godwit-mq/godwit/internal/sharing"
)

// importList reads the `imports` of an account.
func (d *decoder) importList(e *conf.Entry) (imports []*wantedImport) {
	list, ok := e.Value.Data.([]conf.Value)
	if !ok {
		d.fail(e.Pos, "Imports should be an array, got %s", typeName(e.Value.Data))
		return nil
	}
	for _, item := range list {
		m, ok := item.Data.(*conf.Map)
		if !ok {
			d.fail(item.Pos, "Import Items should be a map with type entry, got %s", typeName(item.Data))
			continue
		}
		wanted := d.importItem(item.Pos, m)
		if wanted == nil {
			continue
		}
		if old := duplicateService(imports, wanted); old != nil {
			d.fail(item.Pos, "Duplicate service import subject %q, previously used in import for account %q, subject %q",
				wanted.Local, old.Account, old.Subject)
			continue
		}
		imports = append(imports, wanted)
	}
	return imports
}

// duplicateService finds a service of the same local subject and exporter.
func duplicateService(imports []*wantedImport, wanted *wantedImport) *wantedImport {
	for _, old := range imports {
		if wanted.Kind == sharing.Service && old.Kind == sharing.Service &&
			old.Account == wanted.Account && old.Local == wanted.Local {
			return old
		}
	}
	return nil
}

// wantedImport is an import as an account asks for it.
type wantedImport struct {
	sharing.Import
	prefix string
}

// importItem reads one import, nil if something is wrong with it.
func (d *decoder) importItem(pos conf.Position, m *conf.Map) *wantedImport {
	before := len(d.errors)
	wanted := &wantedImport{}
	var named, prefix, to, share, trace *conf.Entry
	for _, e := range m.Entries {
		switch key := strings.ToLower(e.Key); key {
		case "stream", "service":
			kind := sharing.Stream
			if key == "service" {
				kind = sharing.Service
			}
			if named != nil {
				d.fail(e.Pos, "Detected %s but already saw a %s", kind, wanted.Kind)
				continue
			}
			named, wanted.Kind = e, kind
			d.importSource(e, wanted)
		case "prefix":
			prefix, wanted.prefix = e, d.string(e)
		case "to":
			to, wanted.Local = e, d.string(e)
		case "share":
			share, wanted.Share = e, d.bool(e)
		case "allow_trace":
			trace, wanted.AllowTrace = e, d.bool(e)
		default:
			d.unknown(e)
		}
	}
	switch {
	case named == nil:
		d.fail(pos, "Expected an import to have a stream or a service")
	case wanted.Kind == sharing.Service:
		if trace != nil {
			d.fail(trace.Pos, "Detected allow_trace directive on a non-stream")
		}
		if prefix != nil {
			d.warn(prefix.Pos, "prefix has no effect on a service import: use 'to'")
			wanted.prefix = ""
		}
	case prefix != nil && to != nil:
		d.fail(to.Pos, "Stream import can not have a 'prefix' and a 'to' property")
	case share != nil:
		d.warn(share.Pos, "share has no effect on a stream import")
		wanted.Share = false
	}
	if wanted.Local == "" {
		wanted.Local = wanted.Subject
	}
	if len(d.errors) > before {
		return nil
	}
	return wanted
}

// importSource reads whose subject is imported.
func (d *decoder) importSource(e *conf.Entry, wanted *wantedImport) {
	m, ok := e.Value.Data.(*conf.Map)
	if !ok {
		word := "Stream"
		if wanted.Kind == sharing.Service {
			word = "Service"
		}
		d.fail(e.Pos, "%s entry should be an account map, got %s", word, typeName(e.Value.Data))
		return
	}
	before := len(d.errors)
	for _, item := range m.Entries {
		switch strings.ToLower(item.Key) {
		case "account":
			wanted.Account = d.string(item)
		case "subject":
			wanted.Subject = d.string(item)
		default:
			d.unknown(item)
		}
	}
	if len(d.errors) == before && (wanted.Account == "" || wanted.Subject == "") {
		d.fail(e.Pos, "Expect an account name and a subject")
	}
}
