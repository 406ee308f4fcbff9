package e2e

import (
	"archive/zip"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"math/big"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// sales is a table as it comes from a till: with a receipt that is in it twice, and amounts that are missing.
func sales() string {
	var b strings.Builder
	b.WriteString("receipt,date,shop,amount\n")
	n := 0
	for month := 1; month <= 12; month++ {
		for i, shop := range []string{"Oslo", "Bergen", "Tromsø"} {
			for k := range 7 {
				n++
				amount := fmt.Sprintf("%d.%02d", 100+(month*37+i*211+k*53)%400, (n*17)%100)
				if n%41 == 0 {
					amount = "n/a"
				}
				line := fmt.Sprintf("R%04d,2025-%02d-%02d,%s,%s\n", n, month, 1+k*4, shop, amount)
				b.WriteString(line)
				if n%60 == 0 {
					b.WriteString(line)
				}
			}
		}
	}
	return b.String()
}

// summing is the program that the model writes.
const summing = `import csv
from collections import defaultdict
from decimal import Decimal

seen, months, shops = set(), defaultdict(Decimal), defaultdict(Decimal)
twice = missing = 0
with open("sales.csv", encoding="utf-8", newline="") as f:
    for row in csv.DictReader(f):
        if row["receipt"] in seen:
            twice += 1
            continue
        seen.add(row["receipt"])
        if row["amount"] == "%s":
            missing += 1
            continue
        months[row["date"][:7]] += Decimal(row["amount"])
        shops[row["shop"]] += Decimal(row["amount"])
assert sum(months.values()) == sum(shops.values())
with open("months.csv", "w", encoding="utf-8", newline="") as f:
    out = csv.writer(f)
    out.writerow(["month", "revenue"])
    out.writerows(sorted(months.items()))
best = max(shops, key=shops.get)
print(f"revenue {sum(months.values())}; best shop {best} with {shops[best]}; {twice} twice, {missing} missing")
`

var (
	absent = regexp.MustCompile(`(?m)^\s*amount\b.*`)
	summed = regexp.MustCompile(`revenue .* missing`)
	drawn  = regexp.MustCompile(`(\S+\.svg): (\d+) of (\d+) rows drawn, 0 left out`)
)

// analyst is a model that does what the skill for tables says: it looks first, writes a program that leaves out what
// it has seen to be wrong, runs it, and draws what that has computed.
func analyst(h history) modeltest.Answer {
	ran := h.outputs("run_command")
	switch {
	case len(h.outputs("use_skill")) == 0:
		return calls("use_skill", map[string]string{"name": "analyze-csv"})
	case len(ran) == 0:
		script := regexp.MustCompile(`/skills/\S+/describe\.py`).FindString(h.Last())
		return calls("run_command", map[string]any{"argv": []string{"python3", script, "sales.csv"}})
	case len(h.outputs("write_file")) == 0:
		gap := "n/a"
		if !absent.MatchString(ran[0]) || !strings.Contains(ran[0], "missing") {
			return lost("the profile is " + ran[0])
		}
		return calls("write_file", map[string]string{"path": "sum.py", "content": fmt.Sprintf(summing, gap)})
	case len(ran) == 1:
		return calls("run_command", map[string]any{"argv": []string{"python3", "sum.py"}})
	case len(ran) == 2 && summed.MatchString(ran[1]):
		return calls("run_command", map[string]any{"argv": []string{
			"python3", "/skills/analyze-csv/scripts/chart.py", "months.csv", "--kind", "line", "--x", "month", "--y", "revenue",
			"--title", "Revenue by month", "--out", "months.svg",
		}})
	case len(ran) == 3 && drawn.MatchString(ran[2]):
		return modeltest.Answer{Text: summed.FindString(ran[1]) + "; chart in " + drawn.FindStringSubmatch(ran[2])[1]}
	}
	return lost(h.Last())
}

// figures are what the table comes to.
type figures struct {
	months         [12]*big.Rat
	shops          map[string]*big.Rat
	total          *big.Rat
	twice, missing int
}

// figuresOf computes them by another way than the model: in fractions.
func figuresOf(t *testing.T, table string) figures {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	f := figures{shops: map[string]*big.Rat{}, total: new(big.Rat)}
	for i := range f.months {
		f.months[i] = new(big.Rat)
	}
	once := map[string]bool{}
	for _, r := range rows[1:] {
		amount, ok := new(big.Rat).SetString(r[3])
		switch {
		case once[r[0]]:
			f.twice++
			continue
		case !ok:
			f.missing++
		}
		once[r[0]] = true
		if !ok {
			continue
		}
		var month int
		if _, err := fmt.Sscanf(r[1], "2025-%d", &month); err != nil {
			t.Fatal(err)
		}
		if f.shops[r[2]] == nil {
			f.shops[r[2]] = new(big.Rat)
		}
		for _, sum := range []*big.Rat{f.months[month-1], f.shops[r[2]], f.total} {
			sum.Add(sum, amount)
		}
	}
	return f
}

// exported are the files of an archive that the command line writes of a task.
func (j *job) exported() map[string]string {
	j.t.Helper()
	file := filepath.Join(j.t.TempDir(), "result.zip")
	j.does("task", "export", string(j.task), "-o", file)
	z, err := zip.OpenReader(file)
	if err != nil {
		j.t.Fatal(err)
	}
	defer z.Close()
	all := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			j.t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			j.t.Fatal(err)
		}
		_, name, _ := strings.Cut(f.Name, "/") // below a folder of the archive's own
		all[name] = string(b)
	}
	return all
}

// dot is a point of a chart.
type dot struct {
	X float64 `xml:"cx,attr"`
	Y float64 `xml:"cy,attr"`
}

// TestAJobAnalysesATable has the sums of a table computed in the sandbox and drawn, and takes the chart home as a
// file.
func TestAJobAnalysesATable(t *testing.T) {
	t.Parallel()
	table := sales()
	want := figuresOf(t, table)
	if want.twice == 0 || want.missing == 0 {
		t.Fatal("there is nothing wrong with the table")
	}
	host := newCodeHost(t, map[string]string{"sales.csv": table})
	j := newJob(t, analyst, host.reached()...)
	j.has(host, "till")
	j.begin(client.NewTask{Prompt: "What did we sell in sales.csv, and which shop sold most? Draw the months.", Repository: "till"})
	answer, _ := j.succeeds()

	best := "Oslo"
	for shop, sum := range want.shops {
		if sum.Cmp(want.shops[best]) > 0 {
			best = shop
		}
	}
	says := fmt.Sprintf("revenue %s; best shop %s with %s; %d twice, %d missing; chart in months.svg",
		want.total.FloatString(2), best, want.shops[best].FloatString(2), want.twice, want.missing)
	if answer != says {
		t.Errorf("answered %q, want %q", answer, says)
	}
	files := j.exported()
	if files["sales.csv"] != table {
		t.Errorf("the table isn't as it was: %d bytes of %d", len(files["sales.csv"]), len(table))
	}
	var chart struct {
		Title string `xml:"title"`
		Dots  []dot  `xml:"circle"`
	}
	if err := xml.Unmarshal([]byte(files["months.svg"]), &chart); err != nil || chart.Title != "Revenue by month" {
		t.Fatalf("the chart is %q: %v", files["months.svg"], err)
	}
	atPlace(t, chart.Dots, want.months[:])
}

// atPlace holds a chart's points to the values: one each, from left to right, and as high as they are large. The
// scale is the chart's own, so the lowest and the highest give it.
func atPlace(t *testing.T, dots []dot, values []*big.Rat) {
	t.Helper()
	if len(dots) != len(values) {
		t.Fatalf("%d points for %d values", len(dots), len(values))
	}
	low, high := 0, 0
	v := make([]float64, len(values))
	for i, r := range values {
		v[i], _ = r.Float64()
		if v[i] < v[low] {
			low = i
		}
		if v[i] > v[high] {
			high = i
		}
	}
	scale := (dots[high].Y - dots[low].Y) / (v[high] - v[low])
	if scale >= 0 || dots[low].Y-dots[high].Y < 100 {
		t.Fatalf("the lowest is at %v, the highest at %v", dots[low], dots[high])
	}
	for i, d := range dots {
		if should := dots[low].Y + scale*(v[i]-v[low]); math.Abs(d.Y-should) > 0.02 {
			t.Errorf("month %d is at %.2f, want %.2f for %.2f", i+1, d.Y, should, v[i])
		}
		if i > 0 && d.X <= dots[i-1].X {
			t.Errorf("month %d isn't right of the one before: %v", i+1, dots)
		}
	}
}
