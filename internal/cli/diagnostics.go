package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
)

func (sh *shell) diagnosticsCommand() *cobra.Command {
	return &cobra.Command{Use: "diagnostics", Short: "Show what a node has counted: requests, tools, models, slow queries", Args: cobra.NoArgs,
		Long: "Show what the node that answers has counted since its start: requests to its API, calls of tools and models, and the statements that\n" +
			"took its store longer than store.slow_after, without their values. Other nodes count for themselves.",
		RunE: func(c *cobra.Command, _ []string) error {
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				d, err := conn.Client.Diagnostics(c.Context())
				if err != nil {
					return err
				}
				return sh.print(d, func(w io.Writer) { printDiagnostics(w, d) })
			})
		}}
}

func printDiagnostics(w io.Writer, d client.Diagnostics) {
	r := d.Runtime
	fmt.Fprintf(w, "%s, isekai %s, up for %s: %s, %d MB in use of %d MB, %s took %s of processor time\n", printable(d.Node), printable(d.Version),
		time.Duration(r.UptimeSeconds)*time.Second, many(r.Goroutines, "goroutine"), r.HeapBytes>>20, r.TotalBytes>>20, many(r.GCCycles, "collection"), millis(1000*r.GCSeconds))
	rows := [][]string{{"REQUESTS", "COUNT", "REFUSED", "FAILED", "OPEN", "P50", "P95", "P99"}}
	for _, q := range d.Requests {
		rows = append(rows, append([]string{q.Operation, digits(q.Count), digits(q.Refused), digits(q.Failed), digits(q.InFlight)}, quantiles(q.Timing)...))
	}
	part(w, rows, "No request yet.")
	rows = [][]string{{"TOOLS", "COUNT", "FAILED", "ERRORS", "P50", "P95", "P99", "LONGEST"}}
	for _, t := range d.Tools {
		rows = append(rows, append(append([]string{t.Tool, digits(t.Count), digits(t.Failed), counts(t.Errors)}, quantiles(t.Timing)...), millis(t.LongestMS)))
	}
	part(w, rows, "No call of a tool yet.")
	rows = [][]string{{"MODELS", "CALL", "COUNT", "ENDED", "ERRORS"}}
	for _, m := range d.Models {
		rows = append(rows, []string{cmp.Or(strings.Trim(m.Provider+"/"+m.Model, "/"), "(nobody)"), m.Operation, digits(m.Count), counts(m.Statuses), counts(m.Errors)})
	}
	part(w, rows, "No call of a model yet.")
	rows = [][]string{{"PROVIDERS", "CALL", "P50", "P95", "P99", "ASKED"}}
	for _, p := range d.Providers {
		rows = append(rows, append(append([]string{p.Provider, p.Operation}, quantiles(p.Call)...), counts(p.Attempts)))
	}
	part(w, rows, "No provider of models was asked yet.")
	rows = [][]string{{"SLOW QUERIES", "COUNT", "LONGEST", "IN ALL", "LAST", "STATEMENT"}}
	for _, q := range d.Queries {
		rows = append(rows, []string{q.Store, digits(q.Count), millis(q.LongestMS), millis(q.TotalMS), age(q.Last), cut(q.Statement, 100)})
	}
	none := "No slow query."
	if d.SlowMS == 0 {
		none = "No slow query is recorded: store.slow_after is 0s."
	}
	part(w, rows, none)
}

// part prints a table below what is there.
func part(w io.Writer, rows [][]string, none string) {
	fmt.Fprintln(w)
	table(w, rows, none, "")
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }

func quantiles(t client.Timing) []string {
	return []string{millis(t.P50), millis(t.P95), millis(t.P99)}
}

// millis writes a number of milliseconds, with three digits that count.
func millis(ms float64) string {
	d := time.Duration(ms * float64(time.Millisecond))
	unit := time.Microsecond
	for d >= 1000*unit {
		unit *= 10
	}
	return d.Round(unit).String()
}

// counts writes numbers of things, by name.
func counts(of map[string]int64) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		all = append(all, name+" "+digits(of[name]))
	}
	return strings.Join(all, ", ")
}
