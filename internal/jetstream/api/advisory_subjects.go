package api

// streamSubject and consumerSubject are where most advisories go.
func streamSubject(word, stream string) string {
	return AdvisoryPrefix + ".STREAM." + word + "." + stream
}

func consumerSubject(word, stream, consumer string) string {
	return AdvisoryPrefix + ".CONSUMER." + word + "." + stream + "." + consumer
}

// Subject is where the advisory goes, Kind its type.

func (*Audit) Subject() string { return AdvisoryPrefix + ".API" }
func (*Audit) Kind() string    { return TypeAudit }

func (*LimitReached) Subject() string { return AdvisoryPrefix + ".API.LIMIT_REACHED" }
func (*LimitReached) Kind() string    { return TypeLimitReached }

func (a *StreamAction) Subject() string { return streamSubject(a.Action.word(), a.Stream) }
func (*StreamAction) Kind() string      { return TypeStreamAction }

func (a *ConsumerActed) Subject() string {
	return consumerSubject(a.Action.word(), a.Stream, a.Consumer)
}
func (*ConsumerActed) Kind() string { return TypeConsumerAction }

func (a *ConsumerPaused) Subject() string { return consumerSubject("PAUSE", a.Stream, a.Consumer) }
func (*ConsumerPaused) Kind() string      { return TypePause }

func (a *Pinned) Subject() string { return consumerSubject("PINNED", a.Stream, a.Consumer) }
func (*Pinned) Kind() string      { return TypePinned }

func (a *Unpinned) Subject() string { return consumerSubject("UNPINNED", a.Stream, a.Consumer) }
func (*Unpinned) Kind() string      { return TypeUnpinned }

func (a *MaxDeliver) Subject() string { return consumerSubject("MAX_DELIVERIES", a.Stream, a.Consumer) }
func (*MaxDeliver) Kind() string      { return TypeMaxDeliver }

func (a *Nak) Subject() string { return consumerSubject("MSG_NAKED", a.Stream, a.Consumer) }
func (*Nak) Kind() string      { return TypeNak }

func (a *Terminated) Subject() string { return consumerSubject("MSG_TERMINATED", a.Stream, a.Consumer) }
func (*Terminated) Kind() string      { return TypeTerminated }

func (a *AckMetric) Subject() string {
	return MetricPrefix + ".CONSUMER.ACK." + a.Stream + "." + a.Consumer
}
func (*AckMetric) Kind() string { return TypeAck }

func (a *SnapshotCreated) Subject() string { return streamSubject("SNAPSHOT_CREATE", a.Stream) }
func (*SnapshotCreated) Kind() string      { return TypeSnapshotCreate }

func (a *SnapshotCompleted) Subject() string { return streamSubject("SNAPSHOT_COMPLETE", a.Stream) }
func (*SnapshotCompleted) Kind() string      { return TypeSnapshotComplete }

func (a *RestoreCreated) Subject() string { return streamSubject("RESTORE_CREATE", a.Stream) }
func (*RestoreCreated) Kind() string      { return TypeRestoreCreate }

func (a *RestoreCompleted) Subject() string { return streamSubject("RESTORE_COMPLETE", a.Stream) }
func (*RestoreCompleted) Kind() string      { return TypeRestoreComplete }

func (a *BatchAbandoned) Subject() string { return streamSubject("BATCH_ABANDONED", a.Stream) }
func (*BatchAbandoned) Kind() string      { return TypeBatchAbandoned }

func (*OutOfStorage) Subject() string { return AdvisoryPrefix + ".SERVER.OUT_OF_STORAGE" }
func (*OutOfStorage) Kind() string    { return TypeOutOfStorage }

func (*ServerRemoved) Subject() string { return AdvisoryPrefix + ".SERVER.REMOVED" }
func (*ServerRemoved) Kind() string    { return TypeServerRemoved }

func (*MetaRescued) Subject() string { return AdvisoryPrefix + ".SERVER.META_RESCUE" }
func (*MetaRescued) Kind() string    { return TypeMetaRescued }

func (*DomainLeaderElected) Subject() string { return AdvisoryPrefix + ".DOMAIN.LEADER_ELECTED" }
func (*DomainLeaderElected) Kind() string    { return TypeDomainLeaderElected }

func (a *StreamLeaderElected) Subject() string { return streamSubject("LEADER_ELECTED", a.Stream) }
func (*StreamLeaderElected) Kind() string      { return TypeStreamLeaderElected }

func (a *StreamQuorumLost) Subject() string { return streamSubject("QUORUM_LOST", a.Stream) }
func (*StreamQuorumLost) Kind() string      { return TypeStreamQuorumLost }

func (a *ConsumerLeaderElected) Subject() string {
	return consumerSubject("LEADER_ELECTED", a.Stream, a.Consumer)
}
func (*ConsumerLeaderElected) Kind() string { return TypeConsumerLeaderElected }

func (a *ConsumerQuorumLost) Subject() string {
	return consumerSubject("QUORUM_LOST", a.Stream, a.Consumer)
}
func (*ConsumerQuorumLost) Kind() string { return TypeConsumerQuorumLost }
