package api

import (
	"fmt"
	"strconv"
	"time"
)

// An error whose text has parts that change is made by the function with its name.
// Where a part is another error that is an Error already, the result is that one.

func NewClusterNoPeers(cause error) *Error { return ErrClusterNoPeers.wrap("", cause) }

func NewConsumerCreate(cause error) *Error { return ErrConsumerCreate.wrap("", cause) }

func NewStreamExternalApiOverlap(prefix, subject string) *Error {
	return ErrStreamExternalApiOverlap.with(fmt.Sprintf("stream external api prefix %s must not overlap with %s", prefix, subject))
}

func NewStreamExternalDelPrefixOverlaps(prefix, subject string) *Error {
	return ErrStreamExternalDelPrefixOverlaps.with(fmt.Sprintf("stream external delivery prefix %s overlaps with stream subject %s", prefix, subject))
}

func NewStreamInvalidExternalDeliverySubj(prefix string) *Error {
	return ErrStreamInvalidExternalDeliverySubj.with("stream external delivery prefix " + prefix + " must not contain wildcards")
}

func NewInvalidJSON(cause error) *Error { return ErrInvalidJSON.wrap("invalid JSON: ", cause) }

func NewMirrorConsumerSetupFailed(cause error) *Error {
	return ErrMirrorConsumerSetupFailed.wrap("", cause)
}

func NewRaftGeneral(cause error) *Error { return ErrRaftGeneral.wrap("", cause) }

func NewRestoreSubscribeFailed(subject string, cause error) *Error {
	return ErrRestoreSubscribeFailed.wrap("JetStream unable to subscribe to restore snapshot "+subject+": ", cause)
}

func NewSequenceNotFound(seq uint64) *Error {
	return ErrSequenceNotFound.with("sequence " + strconv.FormatUint(seq, 10) + " not found")
}

func NewSourceConsumerSetupFailed(cause error) *Error {
	return ErrSourceConsumerSetupFailed.wrap("", cause)
}

func NewStreamAssignment(cause error) *Error { return ErrStreamAssignment.wrap("", cause) }

func NewStreamCreate(cause error) *Error { return ErrStreamCreate.wrap("", cause) }

func NewStreamDelete(cause error) *Error { return ErrStreamDelete.wrap("", cause) }

func NewStreamGeneralError(cause error) *Error { return ErrStreamGeneralError.wrap("", cause) }

func NewStreamInvalidConfig(cause error) *Error { return ErrStreamInvalidConfig.wrap("", cause) }

func NewStreamLimits(cause error) *Error { return ErrStreamLimits.wrap("", cause) }

func NewStreamMsgDeleteFailed(cause error) *Error { return ErrStreamMsgDeleteFailed.wrap("", cause) }

func NewStreamRestore(cause error) *Error { return ErrStreamRestore.wrap("restore failed: ", cause) }

func NewStreamSnapshot(cause error) *Error { return ErrStreamSnapshot.wrap("snapshot failed: ", cause) }

func NewStreamTemplateCreate(cause error) *Error { return ErrStreamTemplateCreate.wrap("", cause) }

func NewStreamTemplateDelete(cause error) *Error { return ErrStreamTemplateDelete.wrap("", cause) }

func NewStreamUpdate(cause error) *Error { return ErrStreamUpdate.wrap("", cause) }

func NewStreamWrongLastMsgID(id string) *Error {
	return ErrStreamWrongLastMsgID.with("wrong last msg ID: " + id)
}

func NewStreamWrongLastSequence(seq uint64) *Error {
	return ErrStreamWrongLastSequence.with("wrong last sequence: " + strconv.FormatUint(seq, 10))
}

func NewStreamStoreFailed(cause error) *Error { return ErrStreamStoreFailed.wrap("", cause) }

func NewConsumerInvalidPolicy(cause error) *Error { return ErrConsumerInvalidPolicy.wrap("", cause) }

func NewConsumerInvalidSampling(cause error) *Error {
	return ErrConsumerInvalidSampling.wrap("failed to parse consumer sampling configuration: ", cause)
}

func NewConsumerNameTooLong(max int) *Error {
	return ErrConsumerNameTooLong.with("consumer name is too long, maximum allowed is " + strconv.Itoa(max))
}

func NewConsumerStoreFailed(cause error) *Error {
	return ErrConsumerStoreFailed.wrap("error creating store for consumer: ", cause)
}

func NewConsumerDescriptionTooLong(max int) *Error {
	return ErrConsumerDescriptionTooLong.with("consumer description is too long, maximum allowed is " + strconv.Itoa(max))
}

func NewStreamPurgeFailed(cause error) *Error { return ErrStreamPurgeFailed.wrap("", cause) }

func NewStreamRollupFailed(cause error) *Error { return ErrStreamRollupFailed.wrap("", cause) }

func NewConsumerMaxPendingAckExcess(limit int) *Error {
	return ErrConsumerMaxPendingAckExcess.with("consumer max ack pending exceeds system limit of " + strconv.Itoa(limit))
}

func NewConsumerMaxRequestBatchExceeded(limit int) *Error {
	return ErrConsumerMaxRequestBatchExceeded.with("consumer max request batch exceeds server limit of " + strconv.Itoa(limit))
}

func NewConsumerMetadataLength(limit string) *Error {
	return ErrConsumerMetadataLength.with("consumer metadata exceeds maximum size of " + limit)
}

func NewSourceInvalidSubjectFilter(cause error) *Error {
	return ErrSourceInvalidSubjectFilter.wrap("source transform source: ", cause)
}

func NewSourceInvalidTransformDestination(cause error) *Error {
	return ErrSourceInvalidTransformDestination.wrap("source transform: ", cause)
}

func NewMirrorInvalidSubjectFilter(cause error) *Error {
	return ErrMirrorInvalidSubjectFilter.wrap("mirror transform source: ", cause)
}

func NewConsumerInactiveThresholdExcess(limit time.Duration) *Error {
	return ErrConsumerInactiveThresholdExcess.with("consumer inactive threshold exceeds system limit of " + limit.String())
}

func NewMirrorInvalidTransformDestination(cause error) *Error {
	return ErrMirrorInvalidTransformDestination.wrap("mirror transform: ", cause)
}

func NewStreamTransformInvalidSource(cause error) *Error {
	return ErrStreamTransformInvalidSource.wrap("stream transform source: ", cause)
}

func NewStreamTransformInvalidDestination(cause error) *Error {
	return ErrStreamTransformInvalidDestination.wrap("stream transform: ", cause)
}

func NewPedantic(cause error) *Error { return ErrPedantic.wrap("pedantic mode: ", cause) }

func NewAtomicPublishUnsupportedHeaderBatch(header string) *Error {
	return ErrAtomicPublishUnsupportedHeaderBatch.with("atomic publish unsupported header used: " + header)
}

func NewStreamOfflineReason(cause error) *Error {
	return ErrStreamOfflineReason.wrap("stream is offline: ", cause)
}

func NewConsumerOfflineReason(cause error) *Error {
	return ErrConsumerOfflineReason.wrap("consumer is offline: ", cause)
}

func NewAtomicPublishTooLargeBatch(size int) *Error {
	return ErrAtomicPublishTooLargeBatch.with("atomic publish batch is too large: " + strconv.Itoa(size))
}

func NewConsumerInvalidReset(cause error) *Error {
	return ErrConsumerInvalidReset.wrap("invalid reset: ", cause)
}

func NewClusterRescue(cause error) *Error {
	return ErrClusterRescue.wrap("JetStream system rescue not applied: ", cause)
}

func NewConsumerStreamIdentityMismatch(msg string) *Error {
	return ErrConsumerStreamIdentityMismatch.with("consumer's stream identity does not match: " + msg)
}
