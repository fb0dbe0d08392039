package api

import (
	"strconv"
	"strings"

	"github.com/godwit-mq/godwit/internal/subject"
)

// How an archive of a stream is cut, in bytes.
const (
	DefaultChunkSize  = 128 << 10
	MaxChunkSize      = 1 << 20
	DefaultWindowSize = 8 << 20
	MaxWindowSize     = 32 << 20
	minArchiveSize    = 1 << 10
)

// Sizes are the bytes of one chunk, and of those that may be on their way.
func (r *SnapshotRequest) Sizes() (chunk, window int) {
	chunk, window = r.ChunkSize, r.WindowSize
	if chunk == 0 {
		chunk = DefaultChunkSize
	}
	if window == 0 {
		window = DefaultWindowSize
	}
	chunk = min(max(chunk, minArchiveSize), MaxChunkSize)
	return chunk, max(min(max(window, minArchiveSize), MaxWindowSize), chunk)
}

// Check fails with ErrSnapshotDeliverSubjectInvalid if the archive cannot be sent
// to where it is wanted.
func (r *SnapshotRequest) Check() error {
	if !isLiteral(r.DeliverSubject) {
		return ErrSnapshotDeliverSubjectInvalid
	}
	return nil
}

// Name takes the name of the stream from the subject if the request has none. It
// fails with ErrStreamMismatch if the two differ.
func (r *RestoreRequest) Name(stream string) error {
	if r.Config.Name == "" {
		r.Config.Name = stream
	}
	if r.Config.Name != stream {
		return ErrStreamMismatch
	}
	return nil
}

const (
	snapshotAckPrefix = "$JS.SNAPSHOT.ACK."
	restorePrefix     = "$JS.SNAPSHOT.RESTORE."
)

// A ChunkAck says which chunk of an archive has arrived. Its subject is the reply
// subject of the chunk.
type ChunkAck struct {
	Stream, ID string
	Size       int
	// Index counts from 1.
	Index int
}

// Subject is the subject of the acknowledgement.
func (a ChunkAck) Subject() string {
	return snapshotAckPrefix + a.Stream + "." + a.ID + "." + strconv.Itoa(a.Size) + "." + strconv.Itoa(a.Index)
}

// ChunkAckPattern matches the acknowledgements of one archive.
func ChunkAckPattern(stream, id string) string { return snapshotAckPrefix + stream + "." + id + ".*.*" }

// ParseChunkAck reads such a subject.
func ParseChunkAck(name string) (a ChunkAck, ok bool) {
	rest, ok := strings.CutPrefix(name, snapshotAckPrefix)
	if !ok || strings.Count(rest, ".") != 3 || subject.HasEmptyToken(rest) {
		return ChunkAck{}, false
	}
	size, err := strconv.ParseUint(subject.Token(rest, 2), 10, 31)
	if err != nil {
		return ChunkAck{}, false
	}
	index, err := strconv.ParseUint(subject.Token(rest, 3), 10, 31)
	if err != nil || index == 0 {
		return ChunkAck{}, false
	}
	return ChunkAck{subject.Token(rest, 0), subject.Token(rest, 1), int(size), int(index)}, true
}

// RestoreSubject is where the chunks of an archive are sent to become a stream.
func RestoreSubject(stream, id string) string { return restorePrefix + stream + "." + id }
