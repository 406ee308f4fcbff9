//go:build linux

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"
)

// What we hold.
const (
	holdPlain   = 1.0       // times ReverseProxy's answers a second, at least
	holdFirst   = 1.2       // times ReverseProxy's time to the first chunk, at most
	holdPortkey = 8.0       // times Portkey's answers a second, at least
	holdLiteLLM = 20.0      // times LiteLLM's
	holdMemory  = 100 << 20 // bytes, below
)

// report prints what was measured, and returns what of it isn't held.
func report(w io.Writer, all []*contender) error {
	base := find(all, direct)
	fmt.Fprintf(w, "\n%d clients; at %d requests/s, what is added to direct; first chunk of %d-chunk streams at %d streams/s, after they were sent\n\n", clients, steady, chunks, streams)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\trequests/s\tx proxy\tCPU us\tstreams/s\tadded p50\tp99\tfirst chunk p50: 0 ms\t20 ms\tmemory MB")
	for _, c := range all {
		times, added := "", "\t"
		if p := find(all, proxy); p != nil {
			times = fmt.Sprintf("%.2f", median(ratios(c.plain, p.plain)))
		}
		if base != nil && c != base {
			added = more(c.steady, base.steady, 0.5) + "\t" + more(c.steady, base.steady, 0.99)
		}
		fmt.Fprintf(t, "%s\t%.0f\t%s\t%.0f\t%.0f\t%s\t%s\t%s\t%.0f\n", c.name, median(c.plain), times, micros(median(c.own)), median(c.streamed), added,
			show(c.first[0]), show(c.first[20]), float64(c.memory)/(1<<20))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if base != nil {
		fmt.Fprintf(w, "\nThe load itself takes %.0f us of CPU for a request, the upstream %.0f; all share %d cores.\n", micros(median(base.wrk)), micros(median(base.own)), runtime.NumCPU())
	}
	return holds(w, all)
}

// holds prints what is held and returns what isn't, or can't be said.
func holds(w io.Writer, all []*contender) error {
	us := find(all, isekai)
	if us == nil {
		return fmt.Errorf("without %s nothing is held", isekai)
	}
	var missed []error
	say := func(what, figure string, ok bool) {
		verdict := "ok"
		if !ok {
			verdict = "MISSED"
			missed = append(missed, fmt.Errorf("%s: %s isn't held", what, figure))
		}
		fmt.Fprintf(w, "hold %s: %s: %s\n", what, figure, verdict)
	}
	for _, than := range []struct {
		name  string
		least float64
	}{{proxy, holdPlain}, {portkey, holdPortkey}, {litellm, holdLiteLLM}} {
		if peer := find(all, than.name); peer != nil {
			r := ratios(us.plain, peer.plain)
			say(fmt.Sprintf("requests/s at least %.1f x %s", than.least, than.name), spread(r), median(r) >= than.least)
		}
	}
	if peer := find(all, proxy); peer != nil {
		for _, millis := range delays {
			what := fmt.Sprintf("first chunk at %d ms a chunk at most %.1f x %s", millis, holdFirst, proxy)
			ours, theirs := us.first[millis], peer.first[millis]
			if len(ours) == 0 || len(ours) != len(theirs) {
				say(what, fmt.Sprintf("not %d streams/s in each round", streams), false)
				continue
			}
			r := ratios(each(ours, first), each(theirs, first))
			say(what, spread(r), median(r) <= holdFirst)
		}
	}
	say(fmt.Sprintf("memory below %d MB", holdMemory>>20), fmt.Sprintf("%.0f MB", float64(us.memory)/(1<<20)), us.memory < holdMemory)
	return errors.Join(missed...)
}

func find(all []*contender, name string) *contender {
	if i := slices.IndexFunc(all, func(c *contender) bool { return c.name == name }); i >= 0 {
		return all[i]
	}
	return nil
}

func first(t taken) []time.Duration { return t.first }
func last(t taken) []time.Duration  { return t.last }

// quantile is that of all rounds together.
func quantile(rounds []taken, which func(taken) []time.Duration, q float64) time.Duration {
	var all []time.Duration
	for _, t := range rounds {
		all = append(all, which(t)...)
	}
	slices.Sort(all)
	return all[min(len(all)-1, int(q*float64(len(all))))]
}

// each is the median of each round.
func each(rounds []taken, which func(taken) []time.Duration) (medians []float64) {
	for _, t := range rounds {
		medians = append(medians, float64(median(which(t))))
	}
	return medians
}

// ratios are those of two in the same round: what else the machine does meets both.
func ratios(all, others []float64) []float64 {
	out := make([]float64, len(all))
	for i := range all {
		out[i] = all[i] / others[i]
	}
	return out
}

func spread(r []float64) string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", median(r), slices.Min(r), slices.Max(r))
}

func median[T cmp.Ordered](all []T) T { return slices.Sorted(slices.Values(all))[len(all)/2] }

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// slow stands for what a contender wasn't asked for.
const slow = "can't"

// show is the median time to the first chunk.
func show(rounds []taken) string {
	if len(rounds) == 0 {
		return slow
	}
	return inMillis(quantile(rounds, first, 0.5))
}

// more is what a quantile of whole answers has more than that of others.
func more(rounds, others []taken, q float64) string {
	if len(rounds) == 0 || len(others) == 0 {
		return slow
	}
	return inMillis(quantile(rounds, last, q) - quantile(others, last, q))
}

func inMillis(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds()*1000, 'f', 2, 64) + " ms"
}
