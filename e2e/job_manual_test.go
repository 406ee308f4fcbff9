package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/model/modeltest"
	"github.com/isekai-run/isekai/internal/recall/read/readtest"
)

// manual is of a machine that nobody has built, page by page.
var manual = [][]string{
	{
		"1 Getting to know your Nordlys 3 heat pump",
		"The Nordlys 3 takes heat from the air outside and gives it to the water of your house.",
		"It consists of an outdoor unit, an indoor unit and a control panel with a touch screen.",
		"The type plate with the serial number is on the left side of the indoor unit.",
		"Keep this manual near the indoor unit for as long as the machine is in use.",
	},
	{
		"2 Installation",
		"The outdoor unit stands on four rubber feet on a level base of concrete.",
		"Leave at least 60 centimetres between the outdoor unit and the nearest wall.",
		"The condensate drain needs a slope of two degrees and must not freeze.",
		"Only a certified electrician connects the machine to the mains, with a fuse of 16 amperes.",
	},
	{
		"3 Starting it for the first time",
		"Fill the heating circuit with water until the gauge shows 1.8 bar.",
		"Vent every radiator from the lowest floor to the highest, and fill up again.",
		"Hold the power button for five seconds; the panel asks for language and date.",
		"The first heating up takes up to six hours and can't be interrupted.",
	},
	{
		"4 Daily use",
		"Hot water is kept at 52 degrees; once a week it is raised to 65 degrees against legionella.",
		"In holiday mode rooms are kept at 12 degrees until the day before your return.",
		"Night mode makes the fan slower between ten in the evening and six in the morning.",
		"A lock on the panel keeps children from changing anything: its code is set under Settings.",
	},
	{
		"5 Maintenance",
		"Clean the air filter of the outdoor unit every three months with lukewarm water.",
		"Have the refrigerant checked by a service partner every two years; it is R290, which burns.",
		"Replace the anode of the hot water tank when the panel shows the symbol of a drop.",
		"Never use a high pressure cleaner on the fins of the outdoor unit.",
	},
	{
		"6 When something is wrong",
		"Error E17 means that the flow sensor measures nothing: check whether the valve below the tank is open.",
		"Error E23 means that the outdoor unit is covered by ice: start defrosting by hand.",
		"If the panel stays dark, the fuse in the distribution box has blown.",
		"The service partner wants to know the serial number and the error before he comes.",
	},
}

// asked are questions about it, each with a word that the right answer has and none besides.
var asked = []struct{ question, answer string }{
	{"How far from the nearest wall does the outdoor unit have to be?", "60 centimetres"},
	{"To which pressure in bar is the heating circuit filled with water?", "1.8 bar"},
	{"How warm are rooms kept in holiday mode?", "12 degrees"},
	{"How often is the air filter cleaned?", "three months"},
	{"What does error E17 mean?", "flow sensor"},
}

const manualTitle = "Nordlys 3 manual"

// pageOf is where the manual has a text: on one page alone.
func pageOf(t *testing.T, text string) int {
	t.Helper()
	found := 0
	for i, lines := range manual {
		if strings.Contains(strings.Join(lines, " "), text) {
			if found > 0 {
				t.Fatalf("pages %d and %d have %q", found, i+1, text)
			}
			found = i + 1
		}
	}
	if found == 0 {
		t.Fatalf("no page has %q", text)
	}
	return found
}

// passage is one of an answer of recall: where it says that it is from, and what it quotes.
type passage struct{ cite, text string }

var passageHead = regexp.MustCompile(`(?m)^\[\d+\] (.+) \((doc_\w+)\)\n((?:> .*\n?)+)`)

// passages are what an answer of recall shows a model.
func passages(output string) []passage {
	var all []passage
	for _, m := range passageHead.FindAllStringSubmatch(output, -1) {
		all = append(all, passage{cite: m[1], text: strings.Join(strings.Fields(strings.ReplaceAll("\n"+m[3], "\n> ", "\n")), " ")})
	}
	return all
}

var word = regexp.MustCompile(`[a-z0-9.]+`)

// best is the sentence of all passages that has the most of a question's words, and where it is from.
func best(found []passage, question string) (sentence, cite string) {
	wanted := word.FindAllString(strings.ToLower(question), -1)
	most := 0
	for _, p := range found {
		for s := range strings.SplitSeq(p.text, ". ") {
			n := 0
			for _, w := range word.FindAllString(strings.ToLower(s), -1) {
				if slices.Contains(wanted, strings.TrimRight(w, ".")) {
					n += len(w)
				}
			}
			if n > most {
				most, sentence, cite = n, s, p.cite
			}
		}
	}
	return sentence, cite
}

// reader is a model that looks up each question of its prompt, and answers with the sentence that fits it best of
// those that it was shown, and the source that is said there.
func reader(h history) modeltest.Answer {
	var questions []string
	for line := range strings.Lines(h.Messages[0].Text) {
		if _, q, ok := strings.Cut(line, ") "); ok && strings.HasSuffix(strings.TrimSpace(q), "?") {
			questions = append(questions, strings.TrimSpace(q))
		}
	}
	found := h.outputs("recall")
	if len(found) == 0 {
		var a modeltest.Answer
		for i, q := range questions {
			a.Calls = append(a.Calls, call(fmt.Sprint("q", i), "recall", map[string]any{"question": q}))
		}
		return a
	}
	if len(found) != len(questions) {
		return lost(fmt.Sprintf("%d questions and %d answers", len(questions), len(found)))
	}
	var b strings.Builder
	for i, q := range questions {
		sentence, cite := best(passages(found[i]), q)
		fmt.Fprintf(&b, "%d) %s [%s]\n", i+1, sentence, cite)
	}
	return modeltest.Answer{Text: b.String()}
}

// addManual adds the manual as a PDF by the command line.
func addManual(t *testing.T, d data) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nordlys-3.pdf")
	if err := os.WriteFile(file, readtest.PDF(manualTitle, manual...), 0o644); err != nil {
		t.Fatal(err)
	}
	added := lines[[]client.Document](t, d.does("memory", "add", "--json", file))[0]
	if len(added) != 1 || added[0].Kind != "pdf" || added[0].Title != manualTitle || added[0].Parts < len(manual) {
		t.Fatalf("added %+v", added)
	}
}

// TestAJobAnswersFromAManual has five questions answered from a PDF, each with the page where it says so.
func TestAJobAnswersFromAManual(t *testing.T) {
	t.Parallel()
	j := newJob(t, reader)
	addManual(t, j.data)
	var prompt strings.Builder
	prompt.WriteString("Answer from the manual, and say where it says so.\n")
	for i, q := range asked {
		fmt.Fprintf(&prompt, "%d) %s\n", i+1, q.question)
	}
	j.begin(client.NewTask{Prompt: prompt.String()})
	answer, events := j.succeeds()

	said := strings.Split(strings.TrimSpace(answer), "\n")
	if len(said) != len(asked) {
		t.Fatalf("answered %q", answer)
	}
	for i, q := range asked {
		where := fmt.Sprintf("[%s, page %d", manualTitle, pageOf(t, q.answer))
		if !strings.Contains(said[i], q.answer) || !strings.Contains(said[i], where) {
			t.Errorf("%s\nis answered %q, want %q of %s", q.question, said[i], q.answer, where)
		}
	}
	// Whatever else was found is cited as it is in the manual, too.
	recalled := settled(t, events, "recall")
	if len(recalled) != len(asked) {
		t.Fatalf("%d calls of recall", len(recalled))
	}
	for i, r := range recalled {
		found := passages(r.Output.Text)
		if len(found) == 0 {
			t.Errorf("nothing is found for %q: %s", asked[i].question, r.Output.Text)
		}
		for _, p := range found {
			page := 0
			if _, err := fmt.Sscanf(strings.TrimPrefix(p.cite, manualTitle+", "), "page %d", &page); err != nil || page < 1 || page > len(manual) {
				t.Errorf("cited as %q: %v", p.cite, err)
				continue
			}
			if whole := strings.Join(manual[page-1], " "); !strings.Contains(whole, p.text) {
				t.Errorf("%q is cited for %q, which isn't there", p.cite, p.text)
			}
		}
	}
}
