package parse

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

var update = flag.Bool("update", false, "write the golden files")

// show renders an app for a reader of the golden files.
func show(a spec.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s %s %s\n", a.Title, a.Accent, a.Runtime)
	if g := a.Gadget; g != nil {
		fmt.Fprintf(&b, "  gadget %s %s minutes=%d/%d question=%q topic=%q seeds=%d\n", g.Kind, g.Variant, g.Minutes, g.Break, g.Question, g.Topic, len(g.Seed))
		for _, s := range g.Sections {
			fmt.Fprintf(&b, "    section %q: %q\n", s.Heading, s.Text)
		}
	}
	for _, e := range a.Entities {
		fmt.Fprintf(&b, "  %s: %s, %s, /%s\n", e.Table, e.Name, e.Plural, e.Slug)
		for _, f := range e.Fields {
			b.WriteString("    " + showField(f) + "\n")
		}
		for _, f := range e.Removed {
			b.WriteString("    removed " + showField(f) + "\n")
		}
		b.WriteString("    " + showFeatures(e.Features) + "\n")
	}
	for _, n := range a.Notes {
		b.WriteString("  note: " + n + "\n")
	}
	for _, s := range a.Suggestions {
		b.WriteString("  try: " + s + "\n")
	}
	return b.String()
}

func showField(f spec.Field) string {
	s := fmt.Sprintf("%s %q %s", f.Name, f.Label, f.Type)
	if f.Column != f.Name {
		s += " column=" + f.Column
	}
	if f.Required {
		s += " required"
	}
	if f.Choices != nil {
		s += fmt.Sprintf(" %q", f.Choices)
	}
	if f.Min != nil {
		s += fmt.Sprintf(" min=%v", *f.Min)
	}
	if f.Max != nil {
		s += fmt.Sprintf(" max=%v", *f.Max)
	}
	for _, x := range []string{f.Currency, f.Unit, f.Ref} {
		if x != "" {
			s += " " + x
		}
	}
	return s
}

func showFeatures(f spec.Features) string {
	var out []string
	for _, x := range []struct {
		on   bool
		name string
	}{{f.Search, "search"}, {f.Sort, "sort"}, {f.CSV, "csv"}} {
		if x.on {
			out = append(out, x.name)
		}
	}
	if f.Filter != nil {
		out = append(out, "filter="+strings.Join(f.Filter, ","))
	}
	for _, t := range f.Totals {
		out = append(out, "total="+t.Field+"/"+t.By)
	}
	if f.Chart != nil {
		out = append(out, "chart="+f.Chart.Field+"/"+f.Chart.By)
	}
	if f.Kanban != "" {
		out = append(out, "kanban="+f.Kanban)
	}
	if f.Calendar != "" {
		out = append(out, "calendar="+f.Calendar)
	}
	if f.Overdue != nil {
		out = append(out, "overdue="+f.Overdue.Date+"/"+f.Overdue.Done)
	}
	return strings.Join(out, " ")
}

func lines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", name, d)
	}
}

func TestPromptsGolden(t *testing.T) {
	var b strings.Builder
	prompts := lines(t, "testdata/prompts.txt")
	if len(prompts) < 60 {
		t.Fatalf("only %d prompts", len(prompts))
	}
	for _, p := range prompts {
		a := Prompt(strings.ReplaceAll(p, `\n`, "\n"), "python")
		if err := a.Validate(); err != nil {
			t.Errorf("%q: %v", p, err)
		}
		fmt.Fprintf(&b, "> %s\n%s\n", p, show(a))
	}
	golden(t, "testdata/prompts.golden", b.String())
}

func TestChangesGolden(t *testing.T) {
	var b strings.Builder
	var a spec.App
	for _, l := range lines(t, "testdata/changes.txt") {
		if p, ok := strings.CutPrefix(l, "> "); ok {
			a = Prompt(p, "python")
			fmt.Fprintf(&b, "> %s\n", p)
			continue
		}
		next, understood := Change(a, l)
		if err := next.Validate(); err != nil {
			t.Errorf("%q: %v", l, err)
		}
		fmt.Fprintf(&b, ">> %s (understood: %t)\n%s", l, understood, diff(show(a), show(next)))
	}
	golden(t, "testdata/changes.golden", b.String())
}

// diff returns the lines that are in one of two texts only.
func diff(was, now string) string {
	var b strings.Builder
	only := func(mark, in, notIn string) {
		for _, l := range strings.Split(in, "\n") {
			if l != "" && !strings.Contains("\n"+notIn, "\n"+l+"\n") {
				b.WriteString(mark + l + "\n")
			}
		}
	}
	only(" -", was, now)
	only(" +", now, was)
	return b.String()
}
