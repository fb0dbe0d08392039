package monitor

import (
	"slices"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/sharing"
)

// mappingInfo shows the subject mappings of an account.
func mappingInfo(a *AccountState) api.ExtMap {
	shown := make(api.ExtMap)
	for m := range a.Mappings().All() {
		for _, d := range m.RunningTotals() {
			shown[m.Source()] = append(shown[m.Source()], &api.MapDest{Subject: d.Subject, Weight: d.Weight, Cluster: d.Cluster})
		}
	}
	return shown
}

// exportInfo shows exports: services before streams.
func exportInfo(offers *sharing.Account) (shown []api.ExtExport) {
	if offers == nil {
		return nil
	}
	for _, kind := range []sharing.Kind{sharing.Service, sharing.Stream} {
		for _, e := range offers.Exports {
			if e.Kind == kind {
				shown = append(shown, oneExport(e))
			}
		}
	}
	return shown
}

func oneExport(e *sharing.Export) api.ExtExport {
	x := api.ExtExport{
		Subject: e.Subject, Type: e.Kind.String(), TokenReq: e.TokenRequired,
		ApprovedAccounts: slices.Compact(slices.Sorted(slices.Values(e.Accounts))),
	}
	if e.Kind == sharing.Service {
		x.ResponseType = e.Response.String()
		x.Latency = latencyInfo(broker.LatencyOf(e))
	}
	for account, before := range e.RevokedBefore {
		if x.RevokedAct == nil {
			x.RevokedAct = make(map[string]time.Time, len(e.RevokedBefore))
		}
		x.RevokedAct[account] = time.Unix(before, 0).UTC()
	}
	return x
}

func latencyInfo(l sharing.Latency) *api.ServiceLatency {
	if l.Subject == "" {
		return nil
	}
	return &api.ServiceLatency{Sampling: api.SamplingRate(l.Sampling), Results: l.Subject}
}

// importInfo shows imports, streams before services. Those that are not in force,
// because the exporter does not allow them (any more), are invalid.
func importInfo(a *AccountState) (shown []api.ExtImport) {
	if a.Offers == nil {
		return nil
	}
	streams, services := a.Account.Imports()
	for _, i := range a.Offers.Imports {
		if i.Kind == sharing.Stream {
			x := oneImport(i)
			x.Invalid = !slices.ContainsFunc(streams, func(s broker.StreamImport) bool {
				return s.From.Name == i.Account && s.Subject == i.Subject && s.Local == i.Local
			})
			shown = append(shown, x)
		}
	}
	for _, i := range a.Offers.Imports {
		if i.Kind == sharing.Service {
			x := oneImport(i)
			x.To, x.Share, x.Invalid = x.LocalSubject, i.Share, true
			at := slices.IndexFunc(services, func(s broker.ServiceImport) bool {
				return s.To.Name == i.Account && s.Subject == i.Subject && s.Local == i.Local
			})
			if at >= 0 {
				x.Invalid, x.Latency = false, latencyInfo(services[at].Latency)
			}
			shown = append(shown, x)
		}
	}
	return shown
}

func oneImport(i *sharing.Import) api.ExtImport {
	return api.ExtImport{
		Subject: i.Subject, Account: i.Account, LocalSubject: broker.LocalPattern(i.Subject, i.Local), Type: i.Kind.String(),
	}
}

// responseInfo shows the answers that an account's services owe.
func responseInfo(a *AccountState) map[string]api.ExtResponse {
	shown := make(map[string]api.ExtResponse)
	for _, p := range a.PendingResponses() {
		x := api.ExtResponse{Type: api.ResponseType, ExtImport: api.ExtImport{
			Subject: p.Reply, Account: p.Account.Name, To: p.Name, LocalSubject: p.Name,
			Share: p.Service.Share, Tracking: p.Measured, TrackingHdr: p.Header,
		}}
		if p.Measured {
			x.Latency = latencyInfo(p.Service.Latency)
		}
		shown[p.Name] = x
	}
	return shown
}
