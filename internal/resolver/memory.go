package resolver

import (
	"maps"
	"sync"
)

// Memory holds what it was given, for as long as it lives.
type Memory struct {
	mu    sync.Mutex
	texts map[string]string // guarded by mu
}

// NewMemory makes a resolver with these JWTs, by account.
func NewMemory(preloads map[string]string) *Memory {
	m := &Memory{}
	m.Replace(preloads)
	return m
}

// Replace forgets all JWTs and takes these instead.
func (m *Memory) Replace(preloads map[string]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.texts = maps.Clone(preloads)
	if m.texts == nil {
		m.texts = make(map[string]string)
	}
}

// Kind is KindMemory.
func (m *Memory) Kind() Kind { return KindMemory }

// Fetch returns what was stored last.
func (m *Memory) Fetch(name string) (string, error) {
	if !isAccount(name) {
		return "", ErrKey
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	text, ok := m.texts[name]
	if !ok {
		return "", ErrNotFound
	}
	return text, nil
}

// Store replaces what there is, whatever its age.
func (m *Memory) Store(name, text string) error {
	if !isAccount(name) {
		return ErrKey
	}
	if text == "" || len(text) > MaxSize {
		return ErrInvalid
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.texts[name] = text
	return nil
}

// IsReadOnly is false.
func (m *Memory) IsReadOnly() bool { return false }

// Close does nothing.
func (m *Memory) Close() error { return nil }
