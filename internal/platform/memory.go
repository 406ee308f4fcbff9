package platform

import (
	"cmp"
	"context"
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
	mempostgres "github.com/isekai-run/isekai/internal/memory/postgres"
	memsqlite "github.com/isekai-run/isekai/internal/memory/sqlite"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/recall"
	"github.com/isekai-run/isekai/internal/tool"
	memorytool "github.com/isekai-run/isekai/internal/tool/memory"
)

// Memory says how documents and facts are found.
type Memory struct {
	// Model is what the gateway is asked for embeddings with, for projects that have set none: a
	// route's name, or a model's. Empty: things are found by their words alone.
	Model string `koanf:"model" json:"model"`
	// Dir is the folder of a model of embeddings that runs in this process, for all orgs. Where Model
	// names none, it is the model.
	Dir string `koanf:"dir" json:"dir"`
}

// openIndex opens the index of documents, beside the store.
func (c Config) openIndex(ctx context.Context) (memory.Index, error) {
	if c.driver() == onPostgres {
		x, err := mempostgres.Open(ctx, mempostgres.Config{URL: c.Store.URL.Reveal(), MigrateURL: c.Store.MigrateURL.Reveal(), MaxConns: int32(max(4, c.Store.MaxConns/2))})
		if err != nil { // not an index that is nil
			return nil, err
		}
		return x, nil
	}
	return memsqlite.Open(ctx, c.indexFile())
}

// indexFile is where the index is on SQLite.
func (c Config) indexFile() string { return filepath.Join(c.DataDir, "memory.db") }

// openMemory wires what documents and facts are kept and found by.
func (n *node) openMemory(ctx context.Context) error {
	if err := n.openEmbedder(); err != nil {
		return err
	}
	index, err := n.cfg.openIndex(ctx)
	if err != nil {
		return err
	}
	n.stages.add("index", func(context.Context) error { return index.Close() })
	n.index = index
	n.memoryWhole.kept = memoryCheckKept
	n.memory, err = recall.New(recall.Config{
		Records: n.store, Blobs: n.blobs, Index: n.vault.Memory(index, n.store), Orgs: n.driver.KeysetOrgs, Terms: n.driver,
		Embed: n.embed, PDF: readPDF, Model: n.embedModel(), Log: n.log,
	})
	return err
}

// embedModel is the model of who has set none; "": there is none.
func (n *node) embedModel() string {
	if n.cfg.Memory.Model == "" && n.embedder != nil {
		return embedderName + "/" + n.embedder.Name()
	}
	return n.cfg.Memory.Model
}

// embed makes vectors by the gateway, as the org has set that up: with its providers, budgets and
// policy of what may leave.
func (n *node) embed(ctx context.Context, scope core.Scope, e recall.Embedding) (recall.Vectors, error) {
	name := cmp.Or(e.Model, n.embedModel())
	if name == "" {
		return recall.Vectors{}, recall.NoEmbedder()
	}
	body, err := json.Marshal(map[string]any{"model": name, "input": sided(name, e), "encoding_format": "float"})
	if err != nil {
		return recall.Vectors{}, err
	}
	a, err := n.gateway.Do(ctx, gateway.Call{Scope: scope, Op: dialect.OpEmbeddings, Body: body, Free: !n.cfg.Credits.Charge})
	if err != nil {
		return recall.Vectors{}, unembedded(name, err)
	}
	defer a.Close()
	return vectorsOf(name, a.Body, len(e.Texts))
}

// unembedded tells what another call would end with, too, from what may pass.
func unembedded(name string, err error) error {
	switch core.CodeOf(err) {
	case core.NotFound, core.Invalid, core.Unsupported, core.Denied:
		return core.E(core.Unsupported, "memory.embed", "the model "+name+" makes no embeddings of this").
			WithHint("isekai model list shows what there is; isekai memory settings --model NAME names another").Because(err)
	}
	return core.E(core.CodeOf(err), "memory.embed", "the model "+name+" doesn't answer now").WithHint(core.HintOf(err)).Because(err)
}

// sided are texts with the words that some models want before a question, or before what is to be
// found by one (their cards say so).
func sided(name string, e recall.Embedding) []string {
	before := ""
	for _, m := range []struct{ name, question, passage string }{
		{"e5", "query: ", "passage: "}, {"nomic-embed", "search_query: ", "search_document: "},
	} {
		if strings.Contains(strings.ToLower(name), m.name) {
			before = map[recall.Side]string{recall.Question: m.question, recall.Passage: m.passage}[e.Side]
		}
	}
	if before == "" {
		return e.Texts
	}
	all := make([]string, len(e.Texts))
	for i, t := range e.Texts {
		all[i] = before + t
	}
	return all
}

// vectorsOf reads an answer. Its model's own name, and the number of dimensions, say what the
// vectors may be compared with: a route may lead to another model tomorrow.
func vectorsOf(name string, body []byte, n int) (recall.Vectors, error) {
	var answer struct {
		Model string
		Data  []struct {
			Index     int
			Embedding []float32
		}
	}
	bad := func(why string) (recall.Vectors, error) {
		return recall.Vectors{}, core.E(core.Unavailable, "memory.embed", "the model "+name+" answers embeddings that can't be used: "+why)
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return bad("they aren't JSON")
	}
	v := recall.Vectors{All: make([][]float32, n)}
	dims := 0
	for _, d := range answer.Data {
		if d.Index < 0 || d.Index >= n || v.All[d.Index] != nil || len(d.Embedding) == 0 || dims != 0 && len(d.Embedding) != dims {
			return bad("one is missing, or of another length")
		}
		dims = len(d.Embedding)
		v.All[d.Index] = d.Embedding
	}
	if len(answer.Data) != n {
		return bad(strconv.Itoa(len(answer.Data)) + " instead of " + strconv.Itoa(n))
	}
	v.Model = cmp.Or(answer.Model, name) + "/" + strconv.Itoa(dims)
	return v, nil
}

// memoryOf is the memory as the tools of agents know it.
type memoryOf struct{ *recall.Service }

var _ memorytool.Memory = memoryOf{}

// Recall implements memorytool.Memory.
func (m memoryOf) Recall(ctx context.Context, scope core.Scope, question string, limit int) ([]memorytool.Passage, []string, error) {
	a, err := m.Service.Recall(ctx, scope, recall.Query{Text: question, Limit: limit})
	if err != nil {
		return nil, nil, err
	}
	found := make([]memorytool.Passage, len(a.Hits))
	for i, h := range a.Hits {
		found[i] = memorytool.Passage{ID: h.Document, Cite: h.Cite(), Text: h.Text}
	}
	return found, a.Lacks, nil
}

// Remember implements memorytool.Memory.
func (m memoryOf) Remember(ctx context.Context, c tool.Call, text string, days int) (string, time.Time, error) {
	n := recall.NewFact{Text: text, Task: c.Task, Days: days, Key: c.ID}
	if t := c.Facts.Turn; t != nil {
		n.Source = string(t.Conversation)
	}
	f, err := m.Service.Remember(ctx, c.Scope, n)
	return f.ID, f.Expires, err
}
