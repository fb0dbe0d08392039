package block_test

import (
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/storetest"
)

// A settling stream goes to the disk again and again, so that most of what is read comes
// from there.
type settling struct {
	*block.Stream
	changes int
}

func (s *settling) settle(err error) error {
	if s.changes++; err == nil && s.changes%64 == 0 {
		return s.Checkpoint()
	}
	return err
}

func (s *settling) Append(m *store.Message, a store.Admission) error {
	return s.settle(s.Stream.Append(m, a))
}

func (s *settling) AppendBatch(batch []store.Message, a store.Admission) error {
	return s.settle(s.Stream.AppendBatch(batch, a))
}

func (s *settling) Skip(first, count uint64, now int64) error {
	return s.settle(s.Stream.Skip(first, count, now))
}

func (s *settling) Remove(seq uint64) (bool, error) {
	ok, err := s.Stream.Remove(seq)
	return ok, s.settle(err)
}

// contract runs a group of the tests that every store passes in all variants.
func contract(t *testing.T, group func(*testing.T, storetest.Open)) {
	if block.Raced {
		t.Skip("with the race detector, stream_test.go has the same stories")
	}
	inVariants(t, func(t *testing.T, v variant) {
		group(t, func(t testing.TB, o store.Options) store.Stream {
			return &settling{Stream: newSite(t, v, o).Stream}
		})
	})
}

// Go: TestFileStoreMsgHeaders server/filestore_test.go:153
// Go: TestFileStoreTimeStamps server/filestore_test.go:683
// Go: TestFileStoreInitialFirstSeq server/filestore_test.go:5449
// Go: TestFileStoreSkipMsgs server/filestore_test.go:7049
// Go: TestFileStoreSubjectForSeq server/filestore_test.go:10485
// Go: TestStoreSkipMsgsCarryForwardLastTime server/store_test.go:1174
// Go: TestStoreSkipMsgsCarryForwardLastTimeFromEmpty server/store_test.go:1220
// Go: TestStoreSkipMsgNoInterestAdvancesLastTime server/store_test.go:1294
func TestContractOfAppending(t *testing.T) { contract(t, storetest.Appending) }

// Go: TestFileStoreMultiLastSeqs server/filestore_test.go:7220
// Go: TestFileStoreMultiLastSeqsMaxAllowed server/filestore_test.go:7304
// Go: TestFileStoreAllLastSeqs server/filestore_test.go:10364
// Go: TestFileStoreMultiLastSeqsAndLoadLastMsgWithLazySubjectState server/store_test.go:1326
// Go: TestStoreMsgLoadNextMsgMulti server/store_test.go:59
// Go: TestStoreLoadNextMsgWildcardStartBeforeFirstMatch server/store_test.go:120
// Go: TestStoreMsgLoadPrevMsgMulti server/store_test.go:929
// Go: TestStoreMsgLoadPrevMsg server/store_test.go:965
// Go: TestStoreMsgLoadPrevMsgMultiFullWildcardSkip server/store_test.go:999
// Go: TestStoreGetSeqFromTimeWithInteriorDeletesGap server/store_test.go:1127
// Go: TestStoreGetSeqFromTimeWithTrailingDeletes server/store_test.go:1153
// Go: TestStoreMultiLastMsgs server/store_test.go:1362
func TestContractOfReading(t *testing.T) { contract(t, storetest.Reading) }

// Go: TestFileStoreStreamStateDeleted server/filestore_test.go:3066
// Go: TestFileStoreSubjectsTotals server/filestore_test.go:5242
// Go: TestFileStoreNumPendingMulti server/filestore_test.go:9242
// Go: TestNoRaceFileStoreNumPending server/norace_1_test.go:7566
// Go: TestStoreSubjectStateConsistency server/store_test.go:181
// Go: TestStoreSubjectStateConsistencyOptimization server/store_test.go:316
// Go: TestStoreNumPendingLastPerSubjectExcludeOvercount server/store_test.go:1445
func TestContractOfCounting(t *testing.T) { contract(t, storetest.Counting) }

// Go: TestStoreCompactCleansUpDmap server/store_test.go:529
// Go: TestStoreCompactFullyDeletedRange server/store_test.go:580
// Go: TestStoreTruncateCleansUpDmap server/store_test.go:615
// Go: TestStorePurgeExZero server/store_test.go:667
// Go: TestStorePurgeExSequenceOne server/store_test.go:689
// Go: TestStorePurgeExKeepWithInteriorDeletes server/store_test.go:719
// Go: TestStoreStreamInteriorDeleteAccounting server/store_test.go:798
func TestContractOfRemoving(t *testing.T) { contract(t, storetest.Removing) }

// Go: TestFileStoreMsgLimit server/filestore_test.go:485
// Go: TestFileStoreBytesLimit server/filestore_test.go:538
// Go: TestFileStoreBytesLimitWithDiscardNew server/filestore_test.go:584
// Go: TestFileStoreUpdateMaxMsgsPerSubject server/filestore_test.go:4854
// Go: TestStoreMaxMsgsPerUpdateBug server/store_test.go:407
// Go: TestStoreMaxMsgsPerUpdateToOneRemoveNewest server/store_test.go:451
// Go: TestStoreDiscardNew server/store_test.go:1041
func TestContractOfLimiting(t *testing.T) { contract(t, storetest.Limiting) }

// Go: TestFileStoreMessageTTL server/filestore_test.go:9292
// Go: TestFileStoreUpdateConfigTTLState server/filestore_test.go:10465
// Go: TestStoreUpdateConfigTTLState server/store_test.go:751
func TestContractOfExpiring(t *testing.T) { contract(t, storetest.Expiring) }

// Go: TestFileStoreConsumer server/filestore_test.go:2230
// Go: TestFileStoreConsumerDeliveredUpdates server/filestore_test.go:2899
func TestContractOfConsuming(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		storetest.Consuming(t, func(t testing.TB, r store.Rules) store.Consumer { return newDesk(t, v, r).Consumer })
	})
}
