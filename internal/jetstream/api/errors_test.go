package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// lines are the rows of a table of tab-separated values, without the first.
func lines(t *testing.T, file string) [][]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n") {
		rows = append(rows, strings.Split(line, "\t"))
	}
	return rows[1:]
}

func TestEveryErrorIsThereWithItsCodes(t *testing.T) {
	rows := lines(t, "testdata/errors.tsv")
	for _, row := range rows {
		code, _ := strconv.Atoi(row[0])
		errCode, _ := strconv.Atoi(row[1])
		e, ok := Lookup(uint16(errCode))
		if !ok || *e != (Error{code, uint16(errCode), row[3]}) {
			t.Errorf("error %d is %+v, want %v", errCode, e, row)
		}
	}
	if len(errorsByCode) != len(rows) {
		t.Errorf("there are %d errors, want %d", len(errorsByCode), len(rows))
	}
}

// goName is the name of an error in this package.
func goName(constant string) string {
	name := strings.TrimPrefix(constant, "JS")
	for _, suffix := range []string{"ErrF", "Err", "F"} {
		if short, ok := strings.CutSuffix(name, suffix); ok {
			return "Err" + short
		}
	}
	return "Err" + name
}

func TestErrorsHaveTheNamesOfTheTable(t *testing.T) {
	rows := lines(t, "testdata/errors.tsv")
	file, err := parser.ParseFile(token.NewFileSet(), "errors_table.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := make(map[string][]string)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for _, arg := range spec.Values[0].(*ast.CallExpr).Args {
			value := arg.(*ast.BasicLit).Value
			if s, err := strconv.Unquote(value); err == nil {
				value = s
			}
			declared[spec.Names[0].Name] = append(declared[spec.Names[0].Name], value)
		}
		return true
	})
	for _, row := range rows {
		if got, want := declared[goName(row[2])], []string{row[0], row[1], row[3]}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %q, want %q", goName(row[2]), got, want)
		}
	}
	if len(declared) != len(rows) {
		t.Errorf("%d errors are declared, want %d", len(declared), len(rows))
	}
}

// specification names the variable of the environment that says where the documents
// are from which the table was taken.
const specification = "GODWIT_SPECIFICATION"

func TestTheTableIsThatOfTheSpecification(t *testing.T) {
	folder := os.Getenv(specification)
	if folder == "" {
		t.Skipf("%s does not say where the specification is", specification)
	}
	got, want := lines(t, "testdata/errors.tsv"), lines(t, filepath.Join(folder, "jetstream-errors.tsv"))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("testdata/errors.tsv differs from the specification")
	}
}

// Go: TestIsNatsErr server/jetstream_errors_test.go:8
func TestErrorsAreComparedByTheirErrCode(t *testing.T) {
	for _, tt := range []struct {
		err, target error
		want        bool
	}{
		{ErrNotEnabledForAccount, ErrNotEnabledForAccount, true},
		{ErrNotEnabledForAccount, ErrClusterNotActive, false},
		{ErrNotEnabledForAccount, ErrClusterNotAvail, false},
		{&Error{ErrCode: 10039}, ErrNotEnabledForAccount, true},
		{&Error{ErrCode: 10039}, ErrClusterNotActive, false},
		{&Error{ErrCode: 10039}, &Error{ErrCode: 1}, false},
		{fmt.Errorf("create: %w", ErrStreamNotFound), ErrStreamNotFound, true},
		{NewStreamWrongLastSequence(7), ErrStreamWrongLastSequence, true},
		{nil, ErrClusterNotActive, false},
		{errors.New("x"), ErrClusterNotActive, false},
	} {
		if got := errors.Is(tt.err, tt.target); got != tt.want {
			t.Errorf("is %v %v: %t", tt.err, tt.target, got)
		}
	}
}

// Go: TestApiError_Error server/jetstream_errors_test.go:42
func TestTheTextOfAnErrorHasItsErrCode(t *testing.T) {
	if got := ErrClusterNotActive.Error(); got != "JetStream not in clustered mode (10006)" {
		t.Errorf("the text is %q", got)
	}
}

// Go: TestApiError_NewWithTags server/jetstream_errors_test.go:48
func TestPartsOfTextsAreFilledIn(t *testing.T) {
	cause := errors.New("failed error")
	for _, tt := range []struct {
		got  *Error
		base *Error
		want string
	}{
		{NewRestoreSubscribeFailed("the.subject", cause), ErrRestoreSubscribeFailed, "JetStream unable to subscribe to restore snapshot the.subject: failed error"},
		{NewStreamExternalApiOverlap("a.b", "$JS.API"), ErrStreamExternalApiOverlap, "stream external api prefix a.b must not overlap with $JS.API"},
		{NewStreamExternalDelPrefixOverlaps("p", "s"), ErrStreamExternalDelPrefixOverlaps, "stream external delivery prefix p overlaps with stream subject s"},
		{NewStreamInvalidExternalDeliverySubj("a.*"), ErrStreamInvalidExternalDeliverySubj, "stream external delivery prefix a.* must not contain wildcards"},
		{NewSequenceNotFound(22), ErrSequenceNotFound, "sequence 22 not found"},
		{NewStreamWrongLastMsgID("m1"), ErrStreamWrongLastMsgID, "wrong last msg ID: m1"},
		{NewStreamWrongLastSequence(1), ErrStreamWrongLastSequence, "wrong last sequence: 1"},
		{NewConsumerNameTooLong(255), ErrConsumerNameTooLong, "consumer name is too long, maximum allowed is 255"},
		{NewConsumerMaxPendingAckExcess(10), ErrConsumerMaxPendingAckExcess, "consumer max ack pending exceeds system limit of 10"},
		{NewConsumerMaxRequestBatchExceeded(5), ErrConsumerMaxRequestBatchExceeded, "consumer max request batch exceeds server limit of 5"},
		{NewConsumerMetadataLength("128KB"), ErrConsumerMetadataLength, "consumer metadata exceeds maximum size of 128KB"},
		{NewConsumerInactiveThresholdExcess(time.Minute), ErrConsumerInactiveThresholdExcess, "consumer inactive threshold exceeds system limit of 1m0s"},
		{NewPedantic(cause), ErrPedantic, "pedantic mode: failed error"},
		{NewAtomicPublishUnsupportedHeaderBatch("Nats-Expected-Last-Msg-Id"), ErrAtomicPublishUnsupportedHeaderBatch, "atomic publish unsupported header used: Nats-Expected-Last-Msg-Id"},
		{NewAtomicPublishTooLargeBatch(1000), ErrAtomicPublishTooLargeBatch, "atomic publish batch is too large: 1000"},
		{NewConsumerStreamIdentityMismatch("abc"), ErrConsumerStreamIdentityMismatch, "consumer's stream identity does not match: abc"},
		{NewStreamCreate(nil), ErrStreamCreate, "unknown cause"},
	} {
		if tt.got.Description != tt.want || tt.got.Code != tt.base.Code || !errors.Is(tt.got, tt.base) {
			t.Errorf("got %+v, want %q", tt.got, tt.want)
		}
		if tt.got == tt.base || strings.Contains(tt.got.Description, "{") {
			t.Errorf("%+v is not filled in", tt.got)
		}
	}
}

func TestEveryTextWithACauseIsFilledIn(t *testing.T) {
	filled := make(map[uint16]bool)
	for _, tt := range []struct {
		fill func(error) *Error
		base *Error
	}{
		{NewClusterNoPeers, ErrClusterNoPeers},
		{NewConsumerCreate, ErrConsumerCreate},
		{NewInvalidJSON, ErrInvalidJSON},
		{NewMirrorConsumerSetupFailed, ErrMirrorConsumerSetupFailed},
		{NewRaftGeneral, ErrRaftGeneral},
		{NewSourceConsumerSetupFailed, ErrSourceConsumerSetupFailed},
		{NewStreamAssignment, ErrStreamAssignment},
		{NewStreamCreate, ErrStreamCreate},
		{NewStreamDelete, ErrStreamDelete},
		{NewStreamGeneralError, ErrStreamGeneralError},
		{NewStreamInvalidConfig, ErrStreamInvalidConfig},
		{NewStreamLimits, ErrStreamLimits},
		{NewStreamMsgDeleteFailed, ErrStreamMsgDeleteFailed},
		{NewStreamRestore, ErrStreamRestore},
		{NewStreamSnapshot, ErrStreamSnapshot},
		{NewStreamTemplateCreate, ErrStreamTemplateCreate},
		{NewStreamTemplateDelete, ErrStreamTemplateDelete},
		{NewStreamUpdate, ErrStreamUpdate},
		{NewStreamStoreFailed, ErrStreamStoreFailed},
		{NewConsumerInvalidPolicy, ErrConsumerInvalidPolicy},
		{NewConsumerInvalidSampling, ErrConsumerInvalidSampling},
		{NewConsumerStoreFailed, ErrConsumerStoreFailed},
		{NewStreamPurgeFailed, ErrStreamPurgeFailed},
		{NewStreamRollupFailed, ErrStreamRollupFailed},
		{NewSourceInvalidSubjectFilter, ErrSourceInvalidSubjectFilter},
		{NewSourceInvalidTransformDestination, ErrSourceInvalidTransformDestination},
		{NewMirrorInvalidSubjectFilter, ErrMirrorInvalidSubjectFilter},
		{NewMirrorInvalidTransformDestination, ErrMirrorInvalidTransformDestination},
		{NewStreamTransformInvalidSource, ErrStreamTransformInvalidSource},
		{NewStreamTransformInvalidDestination, ErrStreamTransformInvalidDestination},
		{NewPedantic, ErrPedantic},
		{NewStreamOfflineReason, ErrStreamOfflineReason},
		{NewConsumerOfflineReason, ErrConsumerOfflineReason},
		{NewConsumerInvalidReset, ErrConsumerInvalidReset},
		{NewClusterRescue, ErrClusterRescue},
	} {
		got := tt.fill(errors.New("why"))
		if want := strings.Replace(tt.base.Description, "{err}", "why", 1); got.Description != want || got.Code != tt.base.Code || !errors.Is(got, tt.base) {
			t.Errorf("got %+v, want %q", got, want)
		}
		if got := tt.fill(ErrStreamNotFound); got != ErrStreamNotFound {
			t.Errorf("a cause that is an error became %v", got)
		}
		filled[tt.base.ErrCode] = true
	}
	for code, e := range errorsByCode {
		if strings.HasSuffix(e.Description, "{err}") && code != ErrRestoreSubscribeFailed.ErrCode && !filled[code] {
			t.Errorf("nothing fills in %q", e.Description)
		}
	}
}

// Go: TestApiError_NewWithUnless server/jetstream_errors_test.go:59
func TestACauseThatIsAnErrorSpeaksForItself(t *testing.T) {
	if got := NewStreamRestore(ErrNotEnabledForAccount); got != ErrNotEnabledForAccount {
		t.Errorf("got %v", got)
	}
	if got := NewStreamUpdate(fmt.Errorf("update: %w", ErrStreamSubjectOverlap)); got != ErrStreamSubjectOverlap {
		t.Errorf("got %v", got)
	}
	if got := NewStreamRestore(errors.New("failed error")); !errors.Is(got, ErrStreamRestore) || got.Description != "restore failed: failed error" {
		t.Errorf("got %v", got)
	}
}

func TestErrorsInJSON(t *testing.T) {
	for _, tt := range []struct {
		e    *Error
		want string
	}{
		{ErrStreamNotFound, `{"code":404,"err_code":10059,"description":"stream not found"}`},
		{&Error{Code: 500}, `{"code":500}`},
	} {
		got, err := json.Marshal(tt.e)
		if err != nil || string(got) != tt.want {
			t.Errorf("got %s %v, want %s", got, err, tt.want)
		}
	}
}
