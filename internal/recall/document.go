package recall

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/recall/read"
	"github.com/isekai-run/isekai/internal/store"
)

// State says how a document or a fact can be found.
type State string

// The states.
const (
	Waiting State = "waiting" // it isn't in the index as it is now; that is being seen to
	Words   State = "words"   // by its words alone; Why says why
	Indexed State = "indexed" // by its words and by what it means
	Failed  State = "failed"  // not at all: it couldn't be read again; Why says why
)

// Document is what is known of one.
type Document struct {
	ID       string
	Revision int64  // of what is known: for changes that are based on it
	Title    string // at most MaxTitle bytes
	Source   string // its file's name or address, by which the next version replaces it
	Kind     read.Kind
	Size     int64
	Cut      bool // not all of it was taken: it is too long
	State    State
	Why      string
	Parts    int
	Model    string // whose vectors it has; "": none
	By       core.Actor
	Created  time.Time
	Changed  time.Time // when it got the content that it has
}

// The bounds of what a document says of itself, in bytes.
const (
	MaxTitle  = 300
	MaxSource = 1000
)

// document is a Document as it is kept.
type document struct {
	Title   string      `json:"title"`
	Source  string      `json:"source"`
	Kind    read.Kind   `json:"kind"`
	Size    int64       `json:"size"`
	Cut     bool        `json:"cut,omitempty"`
	State   State       `json:"state"`
	Why     string      `json:"why,omitempty"`
	Parts   int         `json:"parts"`
	Model   string      `json:"model,omitempty"`
	By      core.Actor  `json:"by"`
	Created time.Time   `json:"created"`
	Changed time.Time   `json:"changed"`
	Stamp   string      `json:"stamp"` // of its content
	Blob    core.Digest `json:"blob"`
}

// The kinds of records. Ids begin with the project, but for todos.
const (
	documents store.Kind[document] = "memory_document"
	names     store.Kind[name]     = "memory_name"   // by digest of the source
	totals    store.Kind[total]    = "memory_total"  // one for each project
	settings  store.Kind[setting]  = "memory_policy" // one for each project
	facts     store.Kind[fact]     = "memory_fact"
	todos     store.Kind[todo]     = "memory_todo"
)

type name struct {
	ID string `json:"id"`
}

// total is how much a project keeps.
type total struct {
	Documents int   `json:"documents"`
	Bytes     int64 `json:"bytes"`
	Parts     int   `json:"parts"`
	Facts     int   `json:"facts"`
}

func place(project core.ProjectID, id string) string { return string(project) + "/" + id }

func namePlace(project core.ProjectID, source string) string {
	sum := sha256.Sum256([]byte(source))
	return place(project, hex.EncodeToString(sum[:]))
}

func shown(id string, d store.Doc[document]) Document {
	x := d.Data
	return Document{
		ID: id, Revision: d.Version, Title: x.Title, Source: x.Source, Kind: x.Kind, Size: x.Size, Cut: x.Cut, State: x.State, Why: x.Why, Parts: x.Parts, Model: x.Model,
		By: x.By, Created: x.Created, Changed: x.Changed,
	}
}

// Document returns what is known of one. not_found: the project has none of the id.
func (s *Service) Document(ctx context.Context, scope core.Scope, id string) (Document, error) {
	d, err := s.document(ctx, scope, id)
	return shown(id, d), err
}

func (s *Service) document(ctx context.Context, scope core.Scope, id string) (store.Doc[document], error) {
	if err := scope.Valid(); err != nil {
		return store.Doc[document]{}, err
	}
	if !core.ValidID("doc", id) {
		return store.Doc[document]{}, missing("document", id)
	}
	d, err := documents.Get(ctx, s.cfg.Records, scope.Org, place(scope.Project, id))
	if core.CodeOf(err) == core.NotFound && core.HintOf(err) == "" { // and not that the org is gone
		err = missing("document", id)
	}
	return d, err
}

func missing(what, id string) error {
	return core.E(core.NotFound, op, "there is no "+what+" "+id+" in this project").WithHint("isekai memory list shows what there is")
}

// List returns up to limit documents after an id, by id, which is the order in which they came;
// next is "" at the end.
func (s *Service) List(ctx context.Context, scope core.Scope, after string, limit int) (all []Document, next string, err error) {
	if err := scope.Valid(); err != nil {
		return nil, "", err
	}
	prefix := place(scope.Project, "")
	from := ""
	if after != "" {
		from = prefix + after
	}
	found, err := documents.List(ctx, s.cfg.Records, scope.Org, prefix, from, limit)
	if err != nil {
		return nil, "", err
	}
	for _, d := range found {
		all = append(all, shown(strings.TrimPrefix(d.ID, prefix), d))
	}
	if len(all) == limit {
		next = all[limit-1].ID
	}
	return all, next, nil
}

// Remove deletes a document. revision is the one that the caller knows, 0 for whatever is
// there. conflict: it has another one.
func (s *Service) Remove(ctx context.Context, scope core.Scope, id string, revision int64) error {
	var gone store.Doc[document]
	// The index first: what the record still names can be deleted again.
	d, err := s.document(ctx, scope, id)
	if err != nil {
		return err
	}
	if revision != 0 && d.Version != revision {
		return store.Changed("document", id)
	}
	if err := s.cfg.Index.Delete(ctx, shelfOf(scope, Documents), id); err != nil {
		return err
	}
	err = store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		d, err := s.document(ctx, scope, id)
		if err != nil {
			return nil, err
		}
		gone = d
		sum, err := totals.Find(ctx, s.cfg.Records, scope.Org, string(scope.Project))
		if err != nil {
			return nil, err
		}
		changes := []store.Change{documents.Drop(d)}
		if n, err := names.Find(ctx, s.cfg.Records, scope.Org, namePlace(scope.Project, d.Data.Source)); err != nil {
			return nil, err
		} else if n.Data.ID == id {
			changes = append(changes, names.Drop(n))
		}
		if sum.Version > 0 {
			sum.Data.Documents--
			sum.Data.Bytes -= d.Data.Size
			sum.Data.Parts -= d.Data.Parts
			changes = append(changes, totals.Put(sum))
		}
		return changes, nil
	})
	if err != nil {
		return err
	}
	// Again, for who indexed it in between: it has no record any more, so nobody does now.
	if err := s.cfg.Index.Delete(ctx, shelfOf(scope, Documents), id); err != nil {
		return err
	}
	return s.cfg.Blobs.Delete(ctx, scope.Org, gone.Data.Blob)
}

// text returns s cut to a number of bytes, in one line and as valid UTF-8.
func text(s string, most int) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")), " ")
	for len(s) > most {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}
