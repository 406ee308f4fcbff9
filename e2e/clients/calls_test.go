package clients

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

var writeDocs = flag.Bool("docs", false, "write the tables of docs that tests measure")

const callsDoc = "../../docs/tool-calls.md"

// sample is which of the cases are tried when the table isn't written: one of so many.
const sample = 25

// expected is a single-turn case of bfcl-eval (programs/bfcl.py).
type expected struct {
	ID, Category string
	Tools        []struct {
		Name   string
		Schema json.RawMessage
	}
	Calls   []namedCall
	Checked *bool // what the package's own checker says of Calls; nil: it wasn't asked
}

type namedCall struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// contradictory are answers of the package that its own checker refuses: calls all the same.
const contradictory = 7

// TestSingleTurnCallsOfBFCL: whatever shape a provider gives a call, what the agent gets is the
// reference's call, and where nothing is to be called, nothing is. With -docs all cases are tried, which takes minutes.
func TestSingleTurnCallsOfBFCL(t *testing.T) {
	t.Parallel()
	cases := bfcl(t)
	refused := 0
	counts := map[string]map[string][2]int{} // by category and shape: as the reference, all
	var order []string
	for i, c := range cases {
		if c.Checked != nil && !*c.Checked {
			refused++
		}
		if !*writeDocs && i%sample != 0 {
			continue
		}
		if counts[c.Category] == nil {
			counts[c.Category] = map[string][2]int{}
			order = append(order, c.Category)
		}
		for _, s := range shapes {
			if s.single && len(c.Calls) > 1 {
				continue
			}
			n := counts[c.Category][s.name]
			n[1]++
			if why := s.differs(c); why == "" {
				n[0]++
			} else {
				t.Errorf("%s as %s: %s", c.ID, s.name, why)
			}
			counts[c.Category][s.name] = n
		}
	}
	if len(cases) != 3641 || refused != contradictory {
		t.Errorf("%d cases, of which the checker refuses %d", len(cases), refused)
	}
	if *writeDocs {
		writeDoc(t, callsDoc, "bfcl", callsTable(order, counts))
	}
}

// bfcl has the package's cases.
func bfcl(t *testing.T) (cases []expected) {
	t.Helper()
	folder := clients(t)
	c := exec.CommandContext(t.Context(), filepath.Join(folder, "python", "bin", "python3"), "programs/bfcl.py")
	c.Env = quiet()
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("bfcl.py: %v\n%s", err, errs.String())
	}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var c expected
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	return cases
}

// differs tells how the answer in a shape isn't what the reference has, in one piece and in
// pieces; "": not at all.
func (s shape) differs(c expected) string {
	r := model.Request{Model: "m", Messages: []model.Message{{Role: model.User, Text: c.ID}}}
	for _, t := range c.Tools {
		r.Tools = append(r.Tools, model.ToolSpec{Name: t.Name, Schema: t.Schema})
	}
	random := rand.New(rand.NewPCG(uint64(len(c.ID)), uint64(len(c.Category)))) // #nosec: where to cut
	for _, cut := range []func(string) []string{nil, func(s string) []string { return cutAtRandom(random, s) }} {
		text, calls, err := s.parse(r, c.Calls, cut)
		if err != nil {
			return err.Error()
		}
		if why := same(c.Calls, calls); why != "" {
			return why
		}
		if len(c.Calls) == 0 && text != noCall {
			return fmt.Sprintf("the text became %q", text)
		}
	}
	return ""
}

func same(want []namedCall, got []core.Call) string {
	if len(want) != len(got) {
		return fmt.Sprintf("%d calls, not %d", len(got), len(want))
	}
	for i, w := range want {
		var a, b any
		if err := json.Unmarshal(w.Arguments, &a); err != nil {
			return err.Error()
		}
		if err := json.Unmarshal(got[i].Arguments, &b); err != nil {
			return err.Error()
		}
		if got[i].Tool != w.Name || !reflect.DeepEqual(a, b) {
			return fmt.Sprintf("%s %s, not %s %s", got[i].Tool, got[i].Arguments, w.Name, w.Arguments)
		}
		if strings.Contains(got[i].Problem, "looks like") || strings.Contains(got[i].Problem, "no tool") {
			return got[i].Problem
		}
	}
	return ""
}

// cutAtRandom cuts a text at up to eight places.
func cutAtRandom(r *rand.Rand, s string) (all []string) {
	letters := []rune(s)
	cuts := []int{0, len(letters)}
	for range 8 {
		cuts = append(cuts, r.IntN(len(letters)+1))
	}
	slices.Sort(cuts)
	for i := range len(cuts) - 1 {
		all = append(all, string(letters[cuts[i]:cuts[i+1]]))
	}
	return all
}

func callsTable(categories []string, counts map[string]map[string][2]int) string {
	var b strings.Builder
	b.WriteString("| shape |")
	for _, c := range categories {
		b.WriteString(" " + strings.ReplaceAll(c, "_", " ") + " |")
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(categories)) + "\n")
	for _, s := range shapes {
		b.WriteString("| " + s.name + " |")
		for _, c := range categories {
			n := counts[c][s.name]
			if n[1] == 0 {
				b.WriteString(" - |")
				continue
			}
			fmt.Fprintf(&b, " %d/%d |", n[0], n[1])
		}
		b.WriteString("\n")
	}
	return b.String()
}

// writeDoc puts what a test measured into the part of a document that bears its name.
func writeDoc(t *testing.T, path, name, table string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- end -->"
	head, rest, ok := strings.Cut(string(b), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("%s has no part %q", path, name)
	}
	if err := os.WriteFile(path, []byte(head+begin+table+end+tail), 0o644); err != nil { // #nosec G306: a document
		t.Fatal(err)
	}
}
