package legacy

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrMeta is returned, with details, for metadata that is missing or is not what it
// should be.
var ErrMeta = errors.New("bad metadata")

const (
	metaFile = "meta.inf"
	sumFile  = "meta.sum"
	keyFile  = "meta.key"

	metaMax = 16 << 20 // bytes
)

// Meta is the content of a meta.inf.
type Meta struct {
	// Created is when the stream or the consumer was made.
	Created time.Time
	// Name is that of the file, for consumers only.
	Name string
	// Config is the configuration in the form of the API, all else left out: a JSON object.
	Config json.RawMessage
}

// Append appends the bytes of the meta.inf of a stream, or of a consumer if it has a
// name, to buf and returns the extended buffer. The configuration must be a JSON
// object; it fails with ErrMeta if not.
func (m Meta) Append(buf []byte) ([]byte, error) {
	var config bytes.Buffer
	if err := json.Compact(&config, m.Config); err != nil {
		return buf, fmt.Errorf("%w: configuration: %w", ErrMeta, err)
	}
	fields, ok := bytes.CutPrefix(config.Bytes(), []byte("{"))
	if !ok {
		return buf, fmt.Errorf("%w: the configuration is not an object", ErrMeta)
	}
	created, err := m.Created.UTC().MarshalJSON()
	if err != nil {
		return buf, fmt.Errorf("%w: %w", ErrMeta, err)
	}
	buf = append(append(buf, `{"Created":`...), created...)
	if m.Name != "" {
		name, err := json.Marshal(m.Name)
		if err != nil {
			return buf, fmt.Errorf("%w: %w", ErrMeta, err)
		}
		buf = append(append(buf, `,"Name":`...), name...)
	}
	if len(fields) > 1 {
		buf = append(buf, ',')
	}
	return append(buf, fields...), nil
}

// DecodeMeta reads the bytes of a meta.inf. It fails with ErrMeta.
func DecodeMeta(buf []byte) (Meta, error) {
	m, config := Meta{}, []byte("{")
	if len(buf) > metaMax {
		return m, fmt.Errorf("%w: %d bytes", ErrMeta, len(buf))
	}
	if err := json.Unmarshal(buf, &struct{}{}); err != nil {
		return m, fmt.Errorf("%w: %w", ErrMeta, err)
	}
	fields := json.NewDecoder(bytes.NewReader(buf))
	if start, err := fields.Token(); err != nil || start != json.Delim('{') {
		return m, fmt.Errorf("%w: not an object", ErrMeta)
	}
	for fields.More() {
		key, err := fields.Token()
		if err != nil {
			return m, fmt.Errorf("%w: %w", ErrMeta, err)
		}
		var value json.RawMessage
		if err := fields.Decode(&value); err != nil {
			return m, fmt.Errorf("%w: %w", ErrMeta, err)
		}
		switch key {
		case "Created":
			err = json.Unmarshal(value, &m.Created)
		case "Name":
			err = json.Unmarshal(value, &m.Name)
		default:
			config, err = appendField(config, key, value)
		}
		if err != nil {
			return m, fmt.Errorf("%w: %v: %w", ErrMeta, key, err)
		}
	}
	if _, err := m.Created.UTC().MarshalJSON(); err != nil {
		return m, fmt.Errorf("%w: Created: %w", ErrMeta, err)
	}
	m.Config = append(config, '}')
	return m, nil
}

func appendField(buf []byte, key json.Token, value json.RawMessage) ([]byte, error) {
	name, err := json.Marshal(key)
	if err != nil {
		return buf, err
	}
	if len(buf) > 1 {
		buf = append(buf, ',')
	}
	return append(append(append(buf, name...), ':'), value...), nil
}

// MetaSum returns the content of the meta.sum that belongs to the bytes of a meta.inf
// as they are in the file. The key is the name of the stream, or stream/consumer.
func MetaSum(key string, meta []byte) []byte {
	sum := NewHasher(key).sum(meta)
	return hex.AppendEncode(nil, sum[:])
}
