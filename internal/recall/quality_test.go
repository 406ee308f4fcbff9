package recall_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/encoder"
	"github.com/isekai-run/isekai/internal/model/modeltest/realmodel"
	"github.com/isekai-run/isekai/internal/recall"
	"github.com/isekai-run/isekai/internal/recall/read"
)

var (
	update = flag.Bool("update", false, "have the real model make vectors that aren't recorded")
	folder = flag.String("folder", "", "measure the model in this folder instead, and hold nothing")
)

// pair is a question and the parts that answer it.
type pair struct {
	question string
	right    map[string]bool // "source#part"
}

// pairs reads the questions, which people wrote without looking for the words of the answers, and
// finds the parts with the phrase that each names.
func pairs(t *testing.T, parts map[string][]read.Part) []pair {
	t.Helper()
	data, err := os.ReadFile("testdata/quality/pairs.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []pair
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 3 {
			t.Fatalf("%q isn't a question, a source and a phrase", line)
		}
		p := pair{f[0], map[string]bool{}}
		for i, part := range parts[f[1]] {
			if strings.Contains(oneLine(part.Text), oneLine(f[2])) {
				p.right[fmt.Sprint(f[1], "#", i)] = true
			}
		}
		if len(p.right) == 0 {
			t.Errorf("no part of %s has %q", f[1], f[2])
		}
		all = append(all, p)
	}
	return all
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// TestQuality measures what is found of the project's own documentation, with vectors of the real
// model of embeddings, and holds what was reached. Figures are in docs/memory.md.
func TestQuality(t *testing.T) {
	var model *realmodel.Server
	if *update {
		model = realmodel.Start(t)
	}
	r := newRig(t, func(c *recall.Config) {
		c.Embed = readVectors(t).embed(model)
		if *folder != "" {
			c.Embed = inFolder(t)
		}
		c.Limits.Patience = time.Hour
	})
	parts := map[string][]read.Part{}
	files, err := filepath.Glob("testdata/quality/*.md")
	r.ok(err)
	for _, name := range files {
		data, err := os.ReadFile(name)
		r.ok(err)
		d, err := read.Decode(read.Markdown, data)
		r.ok(err)
		parts[filepath.Base(name)] = d.Parts
		if added := r.add(ann, filepath.Base(name), string(data)); added.State != recall.Indexed {
			t.Fatalf("%+v", added)
		}
	}
	all := pairs(t, parts)
	if len(all) < 200 {
		t.Fatalf("only %d pairs", len(all))
	}
	type figures struct{ recall, ndcg float64 }
	got := map[string]figures{}
	for name, only := range map[string]recall.State{"words": recall.Words, "meaning": recall.Indexed, "fused": ""} {
		var f figures
		for _, p := range all {
			a, err := r.Recall(t.Context(), ann, recall.Query{Text: p.question, Limit: 10, Only: only})
			r.ok(err)
			recalled, ndcg := judge(a.Hits, p.right)
			f.recall += recalled / float64(len(all))
			f.ndcg += ndcg / float64(len(all))
		}
		got[name] = f
		t.Logf("%-8s recall@10 %.3f  nDCG@10 %.3f  (%d pairs)", name, f.recall, f.ndcg, len(all))
	}
	if *folder != "" {
		return
	}
	for name, least := range map[string]figures{"words": {0.80, 0.58}, "meaning": {0.82, 0.60}, "fused": {0.87, 0.66}} {
		if got[name].recall < least.recall || got[name].ndcg < least.ndcg {
			t.Errorf("%s: %+v, below %+v", name, got[name], least)
		}
	}
}

// inFolder makes vectors in this process.
func inFolder(t *testing.T) recall.Embed {
	t.Helper()
	m, err := encoder.Open(*folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return func(ctx context.Context, _ core.Scope, e recall.Embedding) (recall.Vectors, error) {
		v, _, err := m.Embed(ctx, e.Texts)
		return recall.Vectors{Model: m.Name(), All: v}, err
	}
}

// judge returns the share of the right parts that are among the hits, and the normalized
// discounted cumulative gain (Jarvelin and Kekalainen, 2002), where a part is right or isn't.
func judge(hits []recall.Hit, right map[string]bool) (found, ndcg float64) {
	gain, ideal := 0.0, 0.0
	for i, h := range hits {
		if right[fmt.Sprint(h.Source, "#", h.Part)] {
			found++
			gain += 1 / math.Log2(float64(i+2))
		}
	}
	most := min(len(right), 10)
	for i := range most {
		ideal += 1 / math.Log2(float64(i+2))
	}
	return found / float64(most), gain / ideal
}

// recorded are vectors of the real model, by digest of what they are of: a byte for each dimension,
// since their direction is all that counts. Making them takes minutes; -update does it.
type recorded map[[8]byte][]float32

const (
	vectorsFile = "testdata/quality/vectors.bin"
	dimensions  = 384
)

func digestOf(side recall.Side, text string) (d [8]byte) {
	sum := sha256.Sum256([]byte(string(side) + "\n" + text))
	copy(d[:], sum[:])
	return d
}

func readVectors(t *testing.T) recorded {
	t.Helper()
	data, err := os.ReadFile(vectorsFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	all := recorded{}
	for len(data) >= 8+dimensions {
		v := make([]float32, dimensions)
		for i := range v {
			v[i] = float32(int8(data[8+i]))
		}
		all[[8]byte(data[:8])], data = v, data[8+dimensions:]
	}
	return all
}

// write records what wasn't, in the order in which it was asked for.
func (r recorded) write(d [8]byte, v []float32) error {
	f, err := os.OpenFile(vectorsFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	largest := float32(0)
	for _, x := range v {
		largest = max(largest, x, -x)
	}
	b := append([]byte{}, d[:]...)
	r[d] = make([]float32, len(v))
	for i, x := range v {
		n := int8(math.Round(float64(x / largest * 127)))
		b = append(b, byte(n))
		r[d][i] = float32(n)
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

// embed answers what was recorded, and with -update has model make what wasn't.
func (r recorded) embed(model *realmodel.Server) recall.Embed {
	return func(ctx context.Context, _ core.Scope, e recall.Embedding) (recall.Vectors, error) {
		v := recall.Vectors{Model: "multilingual-e5-small-q4"}
		for _, text := range e.Texts {
			d := digestOf(e.Side, text)
			if r[d] == nil {
				if model == nil {
					return v, core.E(core.Internal, "test", "nothing is recorded of this text; go test ./internal/recall -run Quality -update")
				}
				made, err := ask(ctx, model, map[recall.Side]string{recall.Question: "query: ", recall.Passage: "passage: "}[e.Side]+text)
				if err != nil {
					return v, err
				}
				if err := r.write(d, made); err != nil {
					return v, err
				}
			}
			v.All = append(v.All, r[d])
		}
		return v, nil
	}
}

// ask asks the real model as platform does: by OpenAI's API, with the words before a text that the
// model's card wants.
func ask(ctx context.Context, model *realmodel.Server, text string) ([]float32, error) {
	body, err := json.Marshal(map[string]any{"model": model.EmbedModel, "input": text})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, model.EmbedURL+"/embeddings", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var answer struct {
		Data []struct{ Embedding []float32 }
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || len(answer.Data) != 1 || len(answer.Data[0].Embedding) != dimensions {
		return nil, fmt.Errorf("no vector of %d dimensions: %w", dimensions, err)
	}
	return answer.Data[0].Embedding, nil
}
