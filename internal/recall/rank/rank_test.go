package rank_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/recall/rank"
)

func wordsOf(text string) []string {
	all := []string{}
	rank.Words(text, func(w string) { all = append(all, w) })
	return all
}

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "",
		"The keys are rotated, and the rotation keeps them.": "kei rotat rotat keep",
		"Crème brûlée, naïve":                                "creme brule naiv",
		"readFile HTTPServer max_open_conns":                 "read file readfil http server httpserver max open conn maxopenconn",
		"__init__ v2 2026 x":                                 "init v2 2026 x",
		"北京大学 東":                                             "北京 京大 大学 東",
		"don't":                                              "don",
		"Größe ДОКУМЕНТЫ":                                    "große документы",
		"\xff\xfe broken \xf0":                               "broken",
	} {
		if got := strings.Join(wordsOf(text), " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := wordsOf(strings.Repeat("é", 500) + " " + strings.Repeat("x", 500)); len(got) != 2 || len(got[0]) > 40 || len(got[1]) > 40 {
		t.Errorf("long words: %q", got)
	}
}

// TestStems are examples of Porter's paper.
func TestStems(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"caresses": "caress", "ponies": "poni", "ties": "ti", "cats": "cat", "feed": "feed", "agreed": "agre", "plastered": "plaster", "bled": "bled",
		"motoring": "motor", "sing": "sing", "conflated": "conflat", "troubled": "troubl", "sized": "size", "hopping": "hop", "tanned": "tan", "falling": "fall",
		"hissing": "hiss", "fizzed": "fizz", "failing": "fail", "filing": "file", "happy": "happi", "sky": "sky", "relational": "relat", "conditional": "condit",
		"rational": "ration", "digitizer": "digit", "radically": "radic", "vietnamization": "vietnam", "operator": "oper", "feudalism": "feudal",
		"decisiveness": "decis", "hopefulness": "hope", "sensibility": "sensibl", "triplicate": "triplic", "formative": "form", "formalize": "formal",
		"electrical": "electr", "goodness": "good", "revival": "reviv", "allowance": "allow", "inference": "infer", "airliner": "airlin", "adjustable": "adjust",
		"irritant": "irrit", "replacement": "replac", "adjustment": "adjust", "adoption": "adopt", "communism": "commun", "activate": "activ", "effective": "effect",
		"probate": "probat", "rate": "rate", "cease": "ceas", "controll": "control", "roll": "roll", "generalizations": "gener", "oscillators": "oscil",
	} {
		if got := wordsOf(word); len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %q, want %s", word, got, want)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("The readFile_of HTTPServer, naïve 北京")
	f.Fuzz(func(t *testing.T, text string) {
		rank.Words(text, func(w string) {
			if w == "" || len(w) > 40 {
				t.Errorf("the word %q", w)
			}
		})
	})
}

func TestUsesComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var b []byte
		var want, got []rank.Use
		last := -1
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			u := rank.Use{Part: last + 1 + rapid.IntRange(0, 300).Draw(t, "gap"), Count: rapid.IntRange(1, 500).Draw(t, "count"), Length: rapid.IntRange(1, 2000).Draw(t, "length")}
			b = rank.AppendUse(b, last, u)
			last = u.Part
			want = append(want, u)
		}
		if err := rank.Uses(b, func(u rank.Use) { got = append(got, u) }); err != nil || !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v: %v", got, want, err)
		}
	})
}

func FuzzUses(f *testing.F) {
	f.Add(rank.AppendUse(nil, -1, rank.Use{Part: 3, Count: 2, Length: 100}))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		last := -1
		_ = rank.Uses(b, func(u rank.Use) {
			if u.Part <= last || u.Count < 1 || u.Length < 0 {
				t.Errorf("%v after part %d", u, last)
			}
			last = u.Part
		})
	})
}

func TestBM25(t *testing.T) {
	t.Parallel()
	s := rank.BM25{Parts: 1000, Length: 100_000}
	if s.Rarity(1) <= s.Rarity(10) || s.Rarity(10) <= s.Rarity(900) || s.Rarity(1000) <= 0 {
		t.Error("a rarer word doesn't count more, or one that is everywhere counts against a part")
	}
	score := func(count, length int) float64 { return s.Score(1, rank.Use{Count: count, Length: length}) }
	if score(2, 100) <= score(1, 100) || score(100, 100) > 2.2 {
		t.Error("a word that is there again counts nothing, or too much")
	}
	if score(1, 50) <= score(1, 200) {
		t.Error("a word counts as much in a long part")
	}
	if got := score(1, 100); math.Abs(got-1) > 1e-9 {
		t.Errorf("once in a part of mean length: %g, want 1", got)
	}
}

func random(r *rand.Rand, dims int) []float32 {
	v := make([]float32, dims)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab, aa, bb = ab+float64(a[i])*float64(b[i]), aa+float64(a[i])*float64(a[i]), bb+float64(b[i])*float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func TestComparisonsAreNearTheCosine(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, dims := range []int{1, 2, 3, 5, 384, 1536, rank.MaxDimensions} {
		vectors := make([][]float32, 20)
		for i := range vectors {
			vectors[i] = random(r, dims)
			for j := range vectors[i] {
				vectors[i][j] *= float32(i + 1) // lengths don't matter
			}
		}
		b, err := rank.Pack(vectors)
		if err != nil {
			t.Fatal(err)
		}
		p, err := rank.Unpack(b)
		if err != nil || p.Len() != 20 {
			t.Fatal(p.Len(), err)
		}
		question := random(r, dims)
		q, err := rank.Ask(question)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		q.Compare(p, func(i int, got float64) {
			n++
			if want := cosine(question, vectors[i]); math.Abs(got-want) > 0.01 {
				t.Errorf("%d dimensions: %g, want %g", dims, got, want)
			}
		})
		if n != 20 {
			t.Errorf("%d of 20 compared", n)
		}
	}
}

// TestTheLargestSum: a question and a vector whose every product is the largest.
func TestTheLargestSum(t *testing.T) {
	t.Parallel()
	v := make([]float32, rank.MaxDimensions)
	for i := range v {
		v[i] = 1
	}
	b, err := rank.Pack([][]float32{v})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := rank.Unpack(b)
	q, _ := rank.Ask(v)
	q.Compare(p, func(_ int, got float64) {
		if math.Abs(got-1) > 1e-3 {
			t.Errorf("%g, want 1", got)
		}
	})
}

func TestWhatIsNoVector(t *testing.T) {
	t.Parallel()
	nan := float32(math.NaN())
	for name, v := range map[string][][]float32{
		"none": nil, "empty": {{}}, "of different dimensions": {{1, 2}, {1}}, "zero": {{0, 0}}, "not a number": {{1, nan}},
		"infinite": {{1, float32(math.Inf(1))}}, "too long": {make([]float32, rank.MaxDimensions+1)},
	} {
		if _, err := rank.Pack(v); err == nil {
			t.Errorf("%s: packed", name)
		}
		if len(v) == 1 {
			if _, err := rank.Ask(v[0]); err == nil {
				t.Errorf("%s: asked", name)
			}
		}
	}
	b, _ := rank.Pack([][]float32{{1, 2}})
	p, _ := rank.Unpack(b)
	q, _ := rank.Ask([]float32{1, 2, 3})
	q.Compare(p, func(int, float64) { t.Error("vectors of different dimensions are compared") })
}

func FuzzUnpack(f *testing.F) {
	b, _ := rank.Pack([][]float32{{1, 2, 3}, {3, 2, 1}})
	f.Add(b)
	f.Add(b[:7])
	q, _ := rank.Ask([]float32{1, 2, 3})
	f.Fuzz(func(_ *testing.T, b []byte) {
		if p, err := rank.Unpack(b); err == nil {
			q.Compare(p, func(int, float64) {})
		}
	})
}

func TestBestIsTheBeginningOfTheSorted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOf(rapid.IntRange(0, 9)).Draw(t, "scores")
		most := rapid.IntRange(1, 8).Draw(t, "most")
		best := rank.NewBest[int](most)
		order := make([]int, len(scores))
		for i, s := range scores {
			best.Add(i, float64(s))
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
		var got []int
		for _, f := range best.Sorted() {
			got = append(got, f.What)
		}
		if want := order[:min(most, len(order))]; !slices.Equal(got, want) {
			t.Fatalf("of %v the best %d are %v, want %v", scores, most, got, want)
		}
	})
}

func TestFuse(t *testing.T) {
	t.Parallel()
	got := ""
	for _, f := range rank.Fuse([]string{"a", "b", "c"}, []string{"c", "d"}, nil) {
		got += f.What
	}
	if got != "cabd" {
		t.Errorf("got %s", got)
	}
	if all := rank.Fuse[string](); len(all) != 0 {
		t.Error("something of nothing")
	}
}
