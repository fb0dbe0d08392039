package api

import "time"

// Subsz counts the subscriptions and may list them: /subsz.
type Subsz struct {
	ID  string    `json:"server_id"`
	Now time.Time `json:"now"`
	*SublistStats
	Total  int         `json:"total"` // entries that pass the filters; 0 unless listed
	Offset int         `json:"offset"`
	Limit  int         `json:"limit"`
	Subs   []SubDetail `json:"subscriptions_list,omitempty"`
}

// SubszOptions say which subscriptions to count and list.
type SubszOptions struct {
	// Offset and Limit select the page. A negative offset is 0, a limit that
	// is not positive DefaultSubListSize.
	Offset int `json:"offset"`
	Limit  int `json:"limit"`
	// Subscriptions asks for the list.
	Subscriptions bool `json:"subscriptions"`
	// Account restricts everything to one account.
	Account string `json:"account,omitempty"`
	// Test restricts the list to who would receive a message on this literal
	// subject.
	Test string `json:"test,omitempty"`
}

// SublistStats are the counters of subscription indexes.
type SublistStats struct {
	NumSubs      uint32  `json:"num_subscriptions"`
	NumCache     uint32  `json:"num_cache"` // subjects whose receivers are cached
	NumInserts   uint64  `json:"num_inserts"`
	NumRemoves   uint64  `json:"num_removes"`
	NumMatches   uint64  `json:"num_matches"`    // subjects looked up
	CacheHitRate float64 `json:"cache_hit_rate"` // 0 to 1
	MaxFanout    uint32  `json:"max_fanout"`     // most receivers of a cached subject
	AvgFanout    float64 `json:"avg_fanout"`
}

// SubDetail is one subscription.
type SubDetail struct {
	Account    string `json:"account,omitempty"`
	AccountTag string `json:"account_tag,omitempty"`
	Subject    string `json:"subject"`
	Queue      string `json:"qgroup,omitempty"`
	Sid        string `json:"sid"`
	Msgs       int64  `json:"msgs"`          // delivered
	Max        int64  `json:"max,omitempty"` // ends after so many; 0 is never
	Cid        uint64 `json:"cid"`
}
