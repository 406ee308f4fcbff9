package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// table prints rows in columns, the first of them being the head; empty is
// printed instead if there is no other.
func table(w io.Writer, rows [][]string, empty, next string) {
	if len(rows) == 1 {
		fmt.Fprintln(w, empty)
		return
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		for i := range r {
			r[i] = printable(r[i])
		}
		fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	_ = tw.Flush() // w's errors show at the next write
	if next != "" {
		fmt.Fprintln(w, "more: --cursor "+next)
	}
}

// many counts things: "1 org", "2 orgs".
func many[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func age(at time.Time) string {
	d := time.Since(at)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// cut shortens text to n characters of one line.
func cut(s string, n int) string {
	r := []rune(oneLine(s))
	if len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return string(r)
}

// day writes a date.
func day(at time.Time) string { return at.UTC().Format(time.DateOnly) }

// minute writes a time.
func minute(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 MST") }
