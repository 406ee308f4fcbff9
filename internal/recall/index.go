package recall

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/recall/rank"
	"github.com/isekai-run/isekai/internal/recall/read"
	"github.com/isekai-run/isekai/internal/store"
)

// index puts a document with its content into the index, notes how that went, and returns it.
// Without vectors it is found by its words; if those may come later, a todo stays.
func (s *Service) index(ctx context.Context, scope core.Scope, id string, content read.Document) (Document, error) {
	kept, err := s.document(ctx, scope, id)
	if err != nil {
		return Document{}, err
	}
	set, err := settings.Find(ctx, s.cfg.Records, scope.Org, string(scope.Project))
	if err != nil {
		return Document{}, err
	}
	made := entry(id, kept.Data.Stamp, kept.Data.Title, content.Parts)
	state, why, again := s.embed(ctx, scope, set.Data.Model, texts(kept.Data.Title, content.Parts), &made)
	if err := s.cfg.Index.Put(ctx, shelfOf(scope, Documents), made); err != nil {
		return Document{}, err
	}
	var now store.Doc[document]
	err = store.Update(ctx, s.cfg.Records, scope.Org, func() (changes []store.Change, err error) {
		now, err = s.document(ctx, scope, id)
		if err != nil {
			return nil, err
		}
		if now.Data.Stamp != kept.Data.Stamp { // there is a next version, and this one may have come after it
			return s.due(ctx, scope, Documents, id)
		}
		now.Data.State, now.Data.Why, now.Data.Model = state, why, made.Space
		changes = append(changes, documents.Put(now))
		now.Version++
		if !again {
			changes, err = s.done(ctx, scope, Documents, id, changes)
		}
		return changes, err
	})
	if core.CodeOf(err) == core.NotFound { // it was removed meanwhile
		_ = s.cfg.Index.Delete(context.WithoutCancel(ctx), shelfOf(scope, Documents), id)
	}
	if err != nil {
		return Document{}, err
	}
	return shown(id, now), nil
}

// embed adds vectors to what goes into the index. again: there may be some later.
func (s *Service) embed(ctx context.Context, scope core.Scope, model string, texts []string, d *memory.Document) (state State, why string, again bool) {
	limited, cancel := context.WithTimeout(ctx, s.cfg.Limits.Patience)
	defer cancel()
	var all [][]float32
	space := ""
	for some := range slices.Chunk(texts, MaxEmbed) {
		v, err := s.cfg.Embed(limited, scope, Embedding{Model: model, Side: Passage, Texts: some})
		switch {
		case core.CodeOf(err) == core.Unsupported:
			return Words, told(err), false
		case err != nil && limited.Err() != nil && ctx.Err() == nil:
			return Waiting, "its vectors take long; they are being made", true
		case err != nil:
			return Words, told(err), true
		case len(v.All) != len(some) || v.Model == "" || space != "" && space != v.Model:
			return Words, "the model of embeddings answers something else than it was asked", true
		}
		space = v.Model
		all = append(all, v.All...)
	}
	packed, err := rank.Pack(all)
	if err != nil {
		return Words, "the model of embeddings answers what are no vectors: " + err.Error(), true
	}
	d.Space, d.Vectors = text(space, memory.MaxID), packed
	return Indexed, "", false
}

// told is an error for a person, who reads it in a list. What went wrong inside isn't for him.
func told(err error) string {
	var e *core.Error
	if core.CodeOf(err) == core.Internal || !errors.As(err, &e) {
		return "the model of embeddings failed"
	}
	return text(e.Msg, 500)
}

// texts are what parts mean: read with what they are below.
func texts(title string, parts []read.Part) []string {
	all := make([]string, len(parts))
	for i, p := range parts {
		all[i] = above(title, p.Heading) + p.Text
	}
	return all
}

// above is what a part is below, as a line.
func above(title, heading string) string {
	switch {
	case heading == "" || heading == title:
		heading = title
	case title != "" && !strings.HasPrefix(heading, title):
		heading = title + " > " + heading
	}
	if heading == "" {
		return ""
	}
	return heading + "\n"
}

// entry is a document as an index has it, without vectors.
func entry(id, stamp, title string, parts []read.Part) memory.Document {
	d := memory.Document{ID: id, Stamp: stamp, Parts: make([][]byte, len(parts))}
	type use struct {
		last int
		b    []byte
	}
	all := map[string]*use{}
	for i, t := range texts(title, parts) {
		d.Parts[i], _ = json.Marshal(parts[i]) // of plain fields, it always encodes
		counts := map[string]int{}
		length := 0
		rank.Words(t, func(w string) { counts[w]++; length++ })
		d.Length += length
		for w, n := range counts {
			u := all[w]
			if u == nil {
				u = &use{last: -1}
				all[w] = u
			}
			u.b = rank.AppendUse(u.b, u.last, rank.Use{Part: i, Count: n, Length: length})
			u.last = i
		}
	}
	for w, u := range all {
		d.Words = append(d.Words, memory.Word{Text: []byte(w), Uses: u.b})
	}
	return d
}
