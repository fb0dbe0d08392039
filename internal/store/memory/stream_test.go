package memory

import (
	"errors"
	"math"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/storetest"
)

func open(t testing.TB, o store.Options) store.Stream {
	s, err := NewStream(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Go: TestMemStoreBasics server/memstore_test.go:32
// Go: TestMemStoreTimeStamps server/memstore_test.go:216
// Go: TestMemStoreMsgHeaders server/memstore_test.go:317
// Go: TestMemStoreInitialFirstSeq server/memstore_test.go:766
// Go: TestMemStoreSkipMsgs server/memstore_test.go:872
// Go: TestMemStoreSubjectForSeq server/memstore_test.go:1320
// Go: TestStoreSkipMsgsCarryForwardLastTime server/store_test.go:1174
// Go: TestStoreSkipMsgsCarryForwardLastTimeFromEmpty server/store_test.go:1220
// Go: TestStoreSkipMsgNoInterestAdvancesLastTime server/store_test.go:1294
func TestAppending(t *testing.T) { storetest.Appending(t, open) }

// Go: TestMemStoreGetSeqFromTimeWithLastDeleted server/memstore_test.go:840
// Go: TestMemStoreMultiLastSeqs server/memstore_test.go:924
// Go: TestMemStoreMultiLastSeqsMaxAllowed server/memstore_test.go:1011
// Go: TestMemStoreAllLastSeqs server/memstore_test.go:1267
// Go: TestMemStoreNextWildcardMatch server/memstore_test.go:1416
// Go: TestMemStoreNextLiteralMatch server/memstore_test.go:1497
// Go: TestMemStoreMultiLastSeqsDoesNotUseStaleLastValue server/memstore_test.go:1559
// Go: TestStoreMsgLoadNextMsgMulti server/store_test.go:59
// Go: TestStoreLoadNextMsgWildcardStartBeforeFirstMatch server/store_test.go:120
// Go: TestStoreMsgLoadPrevMsgMulti server/store_test.go:929
// Go: TestStoreMsgLoadPrevMsg server/store_test.go:965
// Go: TestStoreMsgLoadPrevMsgMultiFullWildcardSkip server/store_test.go:999
// Go: TestStoreGetSeqFromTimeWithInteriorDeletesGap server/store_test.go:1127
// Go: TestStoreGetSeqFromTimeWithTrailingDeletes server/store_test.go:1153
// Go: TestFileStoreMultiLastSeqsAndLoadLastMsgWithLazySubjectState server/store_test.go:1326
// Go: TestStoreMultiLastMsgs server/store_test.go:1362
func TestReading(t *testing.T) { storetest.Reading(t, open) }

// Go: TestMemStoreStreamStateDeleted server/memstore_test.go:342
// Go: TestMemStoreSubjectsTotals server/memstore_test.go:557
// Go: TestMemStoreNumPending server/memstore_test.go:637
// Go: TestMemStoreDeleteBlocks server/memstore_test.go:800
// Go: TestMemStoreNumPendingMulti server/memstore_test.go:1085
// Go: TestMemStoreNumPendingBug server/memstore_test.go:1138
// Go: TestStoreSubjectStateConsistency server/store_test.go:181
// Go: TestStoreSubjectStateConsistencyOptimization server/store_test.go:316
// Go: TestStoreNumPendingLastPerSubjectExcludeOvercount server/store_test.go:1445
func TestCounting(t *testing.T) { storetest.Counting(t, open) }

// Go: TestMemStorePurge server/memstore_test.go:241
// Go: TestMemStoreCompact server/memstore_test.go:259
// Go: TestMemStoreEraseMsg server/memstore_test.go:298
// Go: TestMemStoreStreamTruncate server/memstore_test.go:385
// Go: TestMemStorePurgeExWithSubject server/memstore_test.go:437
// Go: TestMemStoreStreamTruncateReset server/memstore_test.go:490
// Go: TestMemStoreStreamCompactMultiBlockSubjectInfo server/memstore_test.go:531
// Go: TestMemStorePurgeExWithDeletedMsgs server/memstore_test.go:1032
// Go: TestMemStoreDeleteAllFirstSequenceCheck server/memstore_test.go:1061
// Go: TestMemStorePurgeLeaksDmap server/memstore_test.go:1169
// Go: TestStoreCompactCleansUpDmap server/store_test.go:529
// Go: TestStoreCompactFullyDeletedRange server/store_test.go:580
// Go: TestStoreTruncateCleansUpDmap server/store_test.go:615
// Go: TestStorePurgeExZero server/store_test.go:667
// Go: TestStorePurgeExSequenceOne server/store_test.go:689
// Go: TestStorePurgeExKeepWithInteriorDeletes server/store_test.go:719
// Go: TestStoreStreamInteriorDeleteAccounting server/store_test.go:798
func TestRemoving(t *testing.T) { storetest.Removing(t, open) }

// Go: TestMemStoreMsgLimit server/memstore_test.go:67
// Go: TestMemStoreBytesLimit server/memstore_test.go:99
// Go: TestMemStoreBytesLimitWithDiscardNew server/memstore_test.go:143
// Go: TestMemStoreUpdateMaxMsgsPerSubject server/memstore_test.go:452
// Go: TestStoreMaxMsgsPerUpdateBug server/store_test.go:407
// Go: TestStoreMaxMsgsPerUpdateToOneRemoveNewest server/store_test.go:451
// Go: TestStoreDiscardNew server/store_test.go:1041
func TestLimiting(t *testing.T) { storetest.Limiting(t, open) }

// Go: TestMemStoreAgeLimit server/memstore_test.go:174
// Go: TestMemStoreMessageTTL server/memstore_test.go:1203
// Go: TestMemStoreUpdateConfigTTLState server/memstore_test.go:1300
// Go: TestStoreUpdateConfigTTLState server/store_test.go:751
func TestExpiring(t *testing.T) { storetest.Expiring(t, open) }

func TestNewStreamRefuses(t *testing.T) {
	for _, c := range []struct {
		options  store.Options
		expected error
	}{
		{store.Options{Limits: store.Limits{DiscardNewPerSubject: true}}, store.ErrLimits},
		{store.Options{FirstSequence: math.MaxUint64}, store.ErrSequence},
	} {
		if _, err := NewStream(c.options); !errors.Is(err, c.expected) {
			t.Errorf("%+v: %v", c.options, err)
		}
	}
}
