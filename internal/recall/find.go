package recall

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/recall/rank"
	"github.com/isekai-run/isekai/internal/recall/read"
)

// Query asks for what is about something.
type Query struct {
	Text  string // at most MaxQuery bytes are read
	Limit int    // 1 to MaxHits; 0: 8
	Kind  string // Documents or Facts; "": both
	// Only is what it is found by: Words, or Indexed for vectors; "": both. For measurements.
	Only State
}

// The bounds of a Query.
const (
	MaxQuery = 4000
	MaxHits  = 50
)

// Hit is a part that was found.
type Hit struct {
	Kind     string
	Document string // its id, or the fact's
	Title    string
	Source   string
	Part     int
	read.Place
	Text  string
	Score float64 // for comparison with the others of the answer
	// ByWords and ByMeaning are its places among those that were found so; 0: it wasn't.
	ByWords, ByMeaning int
}

// Cite says where a hit is, for a person: the title, and the place in it.
func (h Hit) Cite() string {
	all := []string{h.Title}
	if h.Page > 0 {
		all = append(all, "page "+strconv.Itoa(h.Page))
	}
	switch {
	case h.Line > 0 && h.End > h.Line:
		all = append(all, "lines "+strconv.Itoa(h.Line)+" to "+strconv.Itoa(h.End))
	case h.Line > 0:
		all = append(all, "line "+strconv.Itoa(h.Line))
	}
	if h.Heading != "" && h.Heading != h.Title {
		all = append(all, strconv.Quote(h.Heading))
	}
	return strings.Join(all, ", ")
}

// Answer is what was found, the best first.
type Answer struct {
	Hits []Hit
	// Lacks says what wasn't looked at, or how: that all was found by words alone, say, and why.
	Lacks []string
}

// fused is how many of each order are looked at: what is in neither's beginning is in no answer.
const fused = 100

// Recall finds parts of documents and facts of the project. That vectors can't be had is no
// error: the answer says so. invalid: there is nothing asked.
func (s *Service) Recall(ctx context.Context, scope core.Scope, q Query) (Answer, error) {
	if err := scope.Valid(); err != nil {
		return Answer{}, err
	}
	q.Text = strings.TrimSpace(text(q.Text, MaxQuery))
	if q.Text == "" {
		return Answer{}, core.E(core.Invalid, op, "nothing is asked")
	}
	if q.Limit <= 0 {
		q.Limit = 8
	}
	q.Limit = min(q.Limit, MaxHits)
	kinds := []string{Documents, Facts}
	if q.Kind != "" {
		kinds = []string{q.Kind}
	}
	a := &asking{Service: s, scope: scope, q: q, views: map[string]*view{}}
	parts := 0
	for _, kind := range kinds {
		v, err := s.held.view(ctx, shelfOf(scope, kind))
		if err != nil {
			return Answer{}, err
		}
		if len(v.entries) > 0 {
			a.views[kind] = v
			parts += v.stats.Parts
		}
	}
	if parts == 0 {
		return Answer{}, nil
	}
	return a.answer(ctx, kinds)
}

// asking is one Recall.
type asking struct {
	*Service
	scope core.Scope
	q     Query
	views map[string]*view // of the shelves that have something, by kind
	lacks []string
}

// found is a part of a shelf.
type found struct {
	kind string
	spot
}

// answer looks for the question's words while its vector is made.
func (a *asking) answer(ctx context.Context, kinds []string) (Answer, error) {
	question := make(chan asked, 1)
	go func() { question <- a.question(ctx) }() // it ends with ctx, or within queryPatience
	var orders [][]found
	var err error
	for _, kind := range kinds {
		if v := a.views[kind]; v != nil && a.q.Only != Indexed && err == nil {
			var spots []spot
			spots, err = a.words(ctx, shelfOf(a.scope, kind), v)
			orders = append(orders, spotsOf(kind, spots))
		}
	}
	asked := <-question
	if err != nil {
		return Answer{}, err
	}
	a.lacks = append(a.lacks, asked.lacks...)
	var byMeaning []found
	if asked.ok {
		if byMeaning, err = a.meaning(ctx, kinds, asked); err != nil {
			return Answer{}, err
		}
	}
	hits, err := a.hits(ctx, orders, byMeaning)
	return Answer{Hits: hits, Lacks: a.lacks}, err
}

func spotsOf(kind string, spots []spot) []found {
	all := make([]found, len(spots))
	for i, s := range spots {
		all[i] = found{kind, s}
	}
	return all
}

// asked is a question as a vector; ok: it is one.
type asked struct {
	rank.Question
	model string
	lacks []string
	ok    bool
}

// queryPatience is how long the vector of a question is waited for.
const queryPatience = 5 * time.Second

func (a *asking) question(ctx context.Context) asked {
	if a.q.Only == Words {
		return asked{}
	}
	lacking := func(why string) asked {
		return asked{lacks: []string{"found by words alone: " + why}}
	}
	set, err := settings.Find(ctx, a.cfg.Records, a.scope.Org, string(a.scope.Project))
	if err != nil {
		return lacking(told(err))
	}
	ctx, cancel := context.WithTimeout(ctx, queryPatience)
	defer cancel()
	v, err := a.cfg.Embed(ctx, a.scope, Embedding{Model: set.Data.Model, Side: Question, Texts: []string{a.q.Text}})
	switch {
	case err != nil:
		return lacking(told(err))
	case len(v.All) != 1:
		return lacking("the model of embeddings answers something else than it was asked")
	}
	q, err := rank.Ask(v.All[0])
	if err != nil {
		return lacking("the model of embeddings answers what is no vector")
	}
	return asked{Question: q, model: text(v.Model, memory.MaxID), ok: true}
}

// mostWords bounds the words of a question that are looked up.
const mostWords = 32

// words returns the parts of a shelf that fit the question's words best.
func (a *asking) words(ctx context.Context, s memory.Shelf, v *view) ([]spot, error) {
	var words [][]byte
	seen := map[string]bool{}
	rank.Words(a.q.Text, func(w string) {
		if !seen[w] && len(words) < mostWords {
			seen[w] = true
			words = append(words, []byte(w))
		}
	})
	if len(words) == 0 {
		return nil, nil
	}
	uses := map[string][]use{}
	err := a.cfg.Index.Uses(ctx, s, words, func(u memory.Use) error {
		i, there := v.at[u.Document]
		if !there {
			return nil
		}
		return rank.Uses(u.Uses, func(x rank.Use) {
			if x.Part < v.entries[i].Parts {
				uses[string(u.Word)] = append(uses[string(u.Word)], use{v.base[i] + x.Part, x})
			}
		})
	})
	if err != nil {
		return nil, err
	}
	scores := make([]float64, v.stats.Parts)
	for _, w := range words { // in their order: sums are always the same
		of := uses[string(w)]
		rarity := v.stats.Rarity(len(of))
		for _, u := range of {
			scores[u.at] += v.stats.Score(rarity, u.Use)
		}
	}
	best := rank.NewBest[spot](fused)
	for i := range v.entries {
		for part, score := range scores[v.base[i] : v.base[i]+v.entries[i].Parts] {
			if score > 0 {
				best.Add(spot{i, part}, score)
			}
		}
	}
	return whats(best.Sorted()), nil
}

// use is a use of a word in a part, by the part's place among all of the view.
type use struct {
	at int
	rank.Use
}

// meaning returns the parts that are nearest to the question, of all shelves.
func (a *asking) meaning(ctx context.Context, kinds []string, q asked) ([]found, error) {
	best := rank.NewBest[found](fused)
	for _, kind := range kinds {
		v := a.views[kind]
		if v == nil {
			continue
		}
		of := rank.NewBest[spot](fused)
		left, err := a.held.near(ctx, shelfOf(a.scope, kind), v, q.model, q.Question, of)
		if err != nil {
			return nil, err
		}
		for _, f := range of.Sorted() {
			best.Add(found{kind, f.What}, f.Score)
		}
		if left > 0 {
			a.lacks = append(a.lacks, strconv.Itoa(left)+" of "+strconv.Itoa(len(v.entries))+" "+kind+"s found by words alone: they have no vectors of "+q.model)
		}
	}
	return whats(best.Sorted()), nil
}

func whats[T any](all []rank.Found[T]) []T {
	out := make([]T, len(all))
	for i, f := range all {
		out[i] = f.What
	}
	return out
}

// hits reads what was found, as long as it is still there.
func (a *asking) hits(ctx context.Context, byWords [][]found, byMeaning []found) ([]Hit, error) {
	words, meaning := map[found]int{}, map[found]int{}
	for _, order := range byWords {
		for i, f := range order {
			words[f] = i + 1
		}
	}
	for i, f := range byMeaning {
		meaning[f] = i + 1
	}
	var hits []Hit
	for _, f := range rank.Fuse(append(byWords, byMeaning)...) {
		h, err := a.hit(ctx, f.What)
		switch {
		case core.CodeOf(err) == core.NotFound: // it was deleted, or has changed, since
			continue
		case err != nil:
			return nil, err
		}
		h.Score, h.ByWords, h.ByMeaning = f.Score, words[f.What], meaning[f.What]
		if hits = append(hits, h); len(hits) == a.q.Limit {
			break
		}
	}
	return hits, nil
}

// hit reads a part and what it is of.
func (a *asking) hit(ctx context.Context, f found) (Hit, error) {
	e := a.views[f.kind].entries[f.entry]
	h := Hit{Kind: f.kind, Document: e.ID, Part: f.part}
	if f.kind == Facts {
		fact, err := a.fact(ctx, a.scope, e.ID)
		h.Title, h.Text = "remembered "+fact.Data.Created.Format(time.DateOnly), fact.Data.Text
		return h, err
	}
	d, err := a.document(ctx, a.scope, e.ID)
	if err != nil {
		return Hit{}, err
	}
	h.Title, h.Source = d.Data.Title, d.Data.Source
	parts, err := a.cfg.Index.Parts(ctx, shelfOf(a.scope, f.kind), e.ID, []int{f.part})
	if err != nil {
		return Hit{}, err
	}
	if len(parts) == 0 || parts[0].Stamp != e.Stamp {
		return Hit{}, missing(f.kind, e.ID)
	}
	var p read.Part
	if err := json.Unmarshal(parts[0].Data, &p); err != nil {
		return Hit{}, core.E(core.Internal, op, "a part of "+e.ID+" can't be read")
	}
	h.Place, h.Text = p.Place, p.Text
	return h, nil
}
