// Package encoder makes embeddings in this process: it runs a model of the BERT family from a
// folder as sentence-transformers publishes it (config.json, tokenizer.json, model.safetensors;
// optional: 1_Pooling/config.json, sentence_bert_config.json), such as all-MiniLM-L6-v2.
//
// Platform opens one and puts it where the gateway finds it; `isekai model embed` tries one. It
// fetches nothing, starts no process, and keeps nothing of what it reads. A folder that it can't
// run as its makers meant is unsupported: it never makes vectors that mean something else.
package encoder

import (
	"context"
	"math"
	"os"
	"path/filepath"

	"github.com/isekai-run/isekai/internal/core"
)

const op = "model.encoder"

// The bounds of a model and of what it is asked.
const (
	maxTokens = 512       // of a text; the rest isn't read
	maxHidden = 2048      // dimensions
	maxLayers = 48        //
	maxText   = 1 << 20   // bytes of a text
	maxJSON   = 64 << 20  // bytes of a file with JSON
	maxTensor = 128 << 20 // numbers of one
)

// Model is a model of a folder, which is read into memory when it is used first. Safe for concurrent use; it works on one text at a time, with
// all processors.
type Model struct {
	name  string
	cfg   config
	words *wordpiece
	file  *tensors
	table table         // what a word is at first
	turn  chan struct{} // held while a text is worked on, and for what follows
	ready bool
	network
}

// Open looks at a model in a folder, which names it. unsupported: it is of another kind, and the
// error says of which; not_found: there is none.
func Open(dir string) (*Model, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, core.E(core.NotFound, op, "there is no folder "+dir).WithHint(folderHint).Because(err)
	}
	defer func() { _ = root.Close() }()
	cfg, err := readConfig(root)
	if err != nil {
		return nil, err
	}
	words, err := readWordpiece(root, cfg)
	if err != nil {
		return nil, err
	}
	file, err := openTensors(root)
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	m := &Model{name: filepath.Base(abs), cfg: cfg, words: words, file: file, table: table{file: file}, turn: make(chan struct{}, 1)}
	m.table.kind, m.table.at, err = file.find("embeddings.word_embeddings.weight", cfg.Vocabulary, cfg.Hidden)
	if err == nil { // all that it takes is there
		_, err = networkOf(cfg, func(name string, shape ...int) ([]float32, error) {
			_, _, err := file.find(name, shape...)
			return nil, err
		})
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return m, nil
}

const folderHint = "a model's folder has config.json, tokenizer.json and model.safetensors, as sentence-transformers publishes them; all-MiniLM-L6-v2 is one"

// Name is the folder's.
func (m *Model) Name() string { return m.name }

// Dimensions are how many numbers a vector has.
func (m *Model) Dimensions() int { return m.cfg.Hidden }

// Close releases the folder. No call may be under way.
func (m *Model) Close() error { return m.file.Close() }

// Embed returns a vector of length one for each text, and how many tokens were read. What is
// beyond the model's length isn't read. invalid: a text is too large. canceled: ctx ended.
func (m *Model) Embed(ctx context.Context, texts []string) (vectors [][]float32, tokens int, err error) {
	for _, text := range texts {
		if len(text) > maxText {
			return nil, 0, core.E(core.Invalid, op, "a text of more than 1 MiB is no text to embed")
		}
	}
	for _, text := range texts {
		select {
		case <-ctx.Done():
			return nil, 0, core.E(core.Canceled, op, "canceled").Because(ctx.Err())
		case m.turn <- struct{}{}:
		}
		v, n, err := m.embed(ctx, text)
		<-m.turn
		if err != nil {
			return nil, 0, err
		}
		vectors, tokens = append(vectors, v), tokens+n
	}
	return vectors, tokens, nil
}

// embed is one text's turn.
func (m *Model) embed(ctx context.Context, text string) (v []float32, tokens int, err error) {
	if !m.ready {
		if m.network, err = networkOf(m.cfg, m.file.read); err != nil {
			return nil, 0, err
		}
		m.ready = true
	}
	ids := m.words.tokens(text, m.cfg.Tokens)
	v, err = m.vector(ctx, ids)
	return v, len(ids), err
}

// vector is what a text of tokens means.
func (m *Model) vector(ctx context.Context, ids []int) ([]float32, error) {
	n, h := len(ids), m.cfg.Hidden
	x := make([]float32, n*h)
	for i, id := range ids {
		row := x[i*h : (i+1)*h]
		if err := m.table.row(id, row); err != nil {
			return nil, core.E(core.Unavailable, op, "the model's file can't be read any more").Because(err)
		}
		add(row, m.places[i*h:(i+1)*h])
	}
	m.norm.apply(x)
	w := newWork(n, m.cfg)
	for i := range m.layers {
		if ctx.Err() != nil {
			return nil, core.E(core.Canceled, op, "canceled").Because(ctx.Err())
		}
		m.layers[i].apply(x, w)
	}
	return unit(pool(x, h, m.cfg.First))
}

// pool makes one vector of the tokens': the first's, or their mean.
func pool(x []float32, h int, first bool) []float32 {
	if first {
		return x[:h:h]
	}
	sum := make([]float32, h)
	for i := 0; i < len(x); i += h {
		add(sum, x[i:i+h])
	}
	return sum
}

// unit makes a vector's length one. A model whose numbers aren't any is broken.
func unit(v []float32) ([]float32, error) {
	square := 0.0
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	if !(square > 0) || math.IsInf(square, 0) {
		return nil, core.E(core.Unsupported, op, "the model answers what is no vector")
	}
	scale := float32(1 / math.Sqrt(square))
	for i := range v {
		v[i] *= scale
	}
	return v, nil
}
