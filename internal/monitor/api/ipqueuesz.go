package api

// IpqueueszStatus tells the lengths of internal queues by name: /ipqueuesz.
type IpqueueszStatus map[string]IpqueueszStatusIPQ

// IpqueueszStatusIPQ is one internal queue.
type IpqueueszStatusIPQ struct {
	Pending    int `json:"pending"`
	InProgress int `json:"in_progress,omitempty"`
}

// IpqueueszOptions say which queues to show.
type IpqueueszOptions struct {
	All    bool   `json:"all"`    // idle ones too
	Filter string `json:"filter"` // part of the name
}
