package stream

import "bytes"

// A field is a header with a meaning for streams.
type field uint8

const (
	fieldMsgID field = iota
	fieldExpectedStream
	fieldExpectedLastSequence
	fieldExpectedLastSubjectSequence
	fieldExpectedLastSubjectSequenceSubject
	fieldExpectedLastMsgID
	fieldRollup
	fieldTTL
	fieldIncrement
	fieldCounterSources
	fieldStreamSource
	fieldMarkerReason
	fieldBatchID
	fieldBatchSequence
	fieldBatchCommit
	fieldRequiredLevel
	fieldRequestInfo
	fieldSchedule
	fieldScheduleTarget
	fieldScheduleSource
	fieldScheduleTTL
	fieldScheduleRollup
	fieldScheduleZone
	fieldScheduleNext
	fieldScheduler
	fieldOperation
	fieldCount
)

// Names of headers.
const (
	headerMsgID                              = "Nats-Msg-Id"
	headerExpectedStream                     = "Nats-Expected-Stream"
	headerExpectedLastSequence               = "Nats-Expected-Last-Sequence"
	headerExpectedLastSubjectSequence        = "Nats-Expected-Last-Subject-Sequence"
	headerExpectedLastSubjectSequenceSubject = "Nats-Expected-Last-Subject-Sequence-Subject"
	headerExpectedLastMsgID                  = "Nats-Expected-Last-Msg-Id"
	headerRollup                             = "Nats-Rollup"
	headerTTL                                = "Nats-TTL"
	headerIncrement                          = "Nats-Incr"
	headerCounterSources                     = "Nats-Counter-Sources"
	headerStreamSource                       = "Nats-Stream-Source"
	headerMarkerReason                       = "Nats-Marker-Reason"
	headerBatchID                            = "Nats-Batch-Id"
	headerBatchSequence                      = "Nats-Batch-Sequence"
	headerBatchCommit                        = "Nats-Batch-Commit"
	headerRequiredLevel                      = "Nats-Required-Api-Level"
	headerRequestInfo                        = "Nats-Request-Info"
	headerSchedule                           = "Nats-Schedule"
	headerScheduleTarget                     = "Nats-Schedule-Target"
	headerScheduleSource                     = "Nats-Schedule-Source"
	headerScheduleTTL                        = "Nats-Schedule-TTL"
	headerScheduleRollup                     = "Nats-Schedule-Rollup"
	headerScheduleZone                       = "Nats-Schedule-Time-Zone"
	headerScheduleNext                       = "Nats-Schedule-Next"
	headerScheduler                          = "Nats-Scheduler"
	headerOperation                          = "KV-Operation"

	prefixExpected = "Nats-Expected-"
	prefixBatch    = "Nats-Batch-"
	prefixSchedule = "Nats-Schedule" // of Nats-Scheduler, too
)

const operationPurge = "PURGE"

// Values of headers.
const (
	rollupSubject = "sub"
	rollupAll     = "all"
	schedulePurge = "purge"
	commitStore   = "1"
	commitEnd     = "eob"
	reasonMaxAge  = "MaxAge"
)

// Fields are the known headers of one block, found in one pass. The values lie in the
// block. The zero value has none.
type fields struct {
	present uint32
	values  [fieldCount][]byte
}

// has reports whether there is a line with this name, though its value may be empty.
func (f *fields) has(name field) bool { return f.present&(1<<name) != 0 }

// get returns the value of the first line with this name, nil if there is none.
func (f *fields) get(name field) []byte {
	if !f.has(name) {
		return nil
	}
	return f.values[name]
}

// filled reports whether there is a value that is not empty.
func (f *fields) filled(name field) bool { return len(f.get(name)) > 0 }

// read looks through a header block. Names are compared as they are.
func (f *fields) read(block []byte) {
	f.present = 0
	for len(block) > 0 {
		end := bytes.IndexByte(block, '\n')
		line := block
		if end >= 0 {
			line, block = block[:end], block[end+1:]
		} else {
			block = nil
		}
		if len(line) < len("Nats-X:") || line[0] != 'N' && line[0] != 'K' {
			continue
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 0 {
			continue
		}
		if name, ok := fieldNamed(line[:colon]); ok && !f.has(name) {
			f.present |= 1 << name
			f.values[name] = bytes.Trim(line[colon+1:], " \t\r")
		}
	}
}

func fieldNamed(name []byte) (field, bool) {
	switch string(name) {
	case headerMsgID:
		return fieldMsgID, true
	case headerExpectedStream:
		return fieldExpectedStream, true
	case headerExpectedLastSequence:
		return fieldExpectedLastSequence, true
	case headerExpectedLastSubjectSequence:
		return fieldExpectedLastSubjectSequence, true
	case headerExpectedLastSubjectSequenceSubject:
		return fieldExpectedLastSubjectSequenceSubject, true
	case headerExpectedLastMsgID:
		return fieldExpectedLastMsgID, true
	case headerRollup:
		return fieldRollup, true
	case headerTTL:
		return fieldTTL, true
	case headerIncrement:
		return fieldIncrement, true
	case headerCounterSources:
		return fieldCounterSources, true
	case headerStreamSource:
		return fieldStreamSource, true
	case headerMarkerReason:
		return fieldMarkerReason, true
	case headerBatchID:
		return fieldBatchID, true
	case headerBatchSequence:
		return fieldBatchSequence, true
	case headerBatchCommit:
		return fieldBatchCommit, true
	case headerRequiredLevel:
		return fieldRequiredLevel, true
	case headerRequestInfo:
		return fieldRequestInfo, true
	case headerSchedule:
		return fieldSchedule, true
	case headerScheduleTarget:
		return fieldScheduleTarget, true
	case headerScheduleSource:
		return fieldScheduleSource, true
	case headerScheduleTTL:
		return fieldScheduleTTL, true
	case headerScheduleRollup:
		return fieldScheduleRollup, true
	case headerScheduleZone:
		return fieldScheduleZone, true
	case headerScheduleNext:
		return fieldScheduleNext, true
	case headerScheduler:
		return fieldScheduler, true
	case headerOperation:
		return fieldOperation, true
	}
	return 0, false
}
