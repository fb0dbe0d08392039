package load

import (
	"flag"
	"fmt"
	"strconv"
	"time"
)

// Flags binds the settings to flags of the set; the current values are the defaults.
func (s *Settings) Flags(set *flag.FlagSet) {
	set.DurationVar(&s.Duration, "duration", s.Duration, "measured time of throughput and latency scenarios")
	set.DurationVar(&s.Warmup, "warmup", s.Warmup, "unmeasured time before it")
	set.DurationVar(&s.Stall, "stall", s.Stall, "give up when nothing moves for so long")
	set.Var((*seconds)(&s.Stuck), "stuck-seconds", "`seconds` that \"stuck\" publishes beside a subscriber that never reads")
	set.DurationVar(&s.Settle, "settle", s.Settle, "wait of the idle scenarios before memory is read")
	set.IntVar(&s.Window, "window", s.Window, "`bytes` by which a publisher may be ahead of one receiver")
	set.IntVar(&s.WindowTotal, "window-total", s.WindowTotal, "`bytes` by which a publisher may be ahead of all its receivers together")
	set.IntVar(&s.Idle, "idle", s.Idle, "`connections` of idle-10k")
	set.IntVar(&s.IdleTLS, "idle-tls", s.IdleTLS, "`connections` of idle-tls")
	set.IntVar(&s.Subscriptions, "subscriptions", s.Subscriptions, "`number` of subs-200k")
	set.IntVar(&s.Subjects, "subjects", s.Subjects, "`number` of 100k-subjects")
	set.IntVar(&s.FanOut, "fan-out", s.FanOut, "`subscribers` of 1to1000-128B")
	set.IntVar(&s.Pairs, "pairs", s.Pairs, "`number` of 200pairs")
}

// Arguments returns the settings as arguments that a flag set bound by Flags understands.
func (s Settings) Arguments() []string {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	s.Flags(set)
	var arguments []string
	set.VisitAll(func(f *flag.Flag) { arguments = append(arguments, "-"+f.Name+"="+f.Value.String()) })
	return arguments
}

// seconds is a duration written as a plain number of seconds.
type seconds time.Duration

func (s *seconds) String() string {
	return strconv.FormatFloat(time.Duration(*s).Seconds(), 'g', -1, 64)
}

func (s *seconds) Set(text string) error {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0 && n <= 86400) {
		return fmt.Errorf("%q is no number of seconds between 0 and 86400", text)
	}
	*s = seconds(n * float64(time.Second))
	return nil
}
