// Package memory is the port for what documents are found by: the parts of each, the words
// that are in them, and vectors of what they mean.
//
// The drivers below it (sqlite, postgres) implement it and pass the suite in memorytest.
// Module recall calls it, through the vault, which seals what goes in: a driver is handed
// words that are keyed digests, and parts and vectors that are ciphertext. It compares words
// for equality, keeps the rest as it is, and ranks nothing. So there is no driver with other
// results than another, and nobody can read an index who has its files alone.
//
// What is in an index can be built again from the documents themselves. It is in no backup.
//
// Methods are safe for concurrent use, and see whole documents: one is as it was put, or
// isn't there. Errors are core.Errors: invalid, unavailable, exhausted (disk full), denied.
package memory

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
)

// Shelf is where the documents of one kind of a project stand. No call sees another's.
type Shelf struct {
	Org     core.OrgID
	Project core.ProjectID
	Kind    string // "document"
}

// Document is what an index has of one.
type Document struct {
	ID      string
	Stamp   string   // names this content: another Put has another one
	Length  int      // of all parts, in words
	Parts   [][]byte // by their number; at least one
	Words   []Word   // each once
	Space   string   // what Vectors are comparable within; "": there are none
	Vectors []byte   // of all parts
}

// Word is a word of a document, and how it is used there.
type Word struct {
	Text []byte // at most MaxWord bytes
	Uses []byte // in which parts, and how often
}

// Entry says that a document is there.
type Entry struct {
	ID     string
	Stamp  string
	Space  string
	Parts  int
	Length int
}

// Use says that a word is in a document.
type Use struct {
	Word     []byte
	Document string
	Uses     []byte
}

// Vectors are a document's.
type Vectors struct {
	Document, Stamp, Space string
	Data                   []byte
}

// Part is a part of a document.
type Part struct {
	Document, Stamp string
	Number          int
	Data            []byte
}

// Index is what a driver provides.
type Index interface {
	// ID names this index. One that was made anew, and has nothing of what another had, has
	// another name.
	ID() string
	// Put makes d all that the shelf has of the document d.ID. It is durable when Put returns.
	Put(ctx context.Context, s Shelf, d Document) error
	// Delete removes documents, at most MaxDelete, with all that is of them. Those that
	// aren't there are no error.
	Delete(ctx context.Context, s Shelf, documents ...string) error
	// Clear removes all of a shelf; without a Kind, of a project; without a Project, of an org.
	Clear(ctx context.Context, s Shelf) error
	// Generation returns a number that is another one after each Put, Delete and Clear which
	// changed the shelf; 0 before the first.
	Generation(ctx context.Context, s Shelf) (int64, error)
	// Entries returns what there is, by ID.
	Entries(ctx context.Context, s Shelf) ([]Entry, error)
	// Uses calls f for each document that has one of words, at most MaxWords, in no order; f
	// may keep nothing of what it gets but the Document, and its error ends it.
	Uses(ctx context.Context, s Shelf, words [][]byte, f func(Use) error) error
	// Vectors calls f for each of documents that is there and has vectors, in no order; f may
	// keep no Data, and its error ends it.
	Vectors(ctx context.Context, s Shelf, documents []string, f func(Vectors) error) error
	// Parts returns parts of a document, by number. Those that aren't there are left out.
	Parts(ctx context.Context, s Shelf, document string, numbers []int) ([]Part, error)
	// Close releases the index. Calls after it fail with unavailable.
	Close() error
}

// The bounds of what an index takes.
const (
	MaxID      = 200      // bytes of an id, stamp, space or kind
	MaxParts   = 10_000   // of a document
	MaxPart    = 64 << 10 // bytes of one, as it is stored
	MaxWord    = 64       // bytes
	MaxWords   = 64       // of a question
	MaxUses    = 1 << 20  // bytes of a word's uses
	MaxVectors = 64 << 20 // bytes of a document's
	MaxDelete  = 200
)

// Check returns an invalid error for a shelf that nothing can stand on.
func (s Shelf) Check() error {
	if s.Org == "" || s.Project == "" || s.Kind == "" || !isText(string(s.Org), string(s.Project), s.Kind) {
		return core.E(core.Invalid, "memory", "a shelf without a tenant or a kind")
	}
	return nil
}

// CheckClear is Check for Clear.
func (s Shelf) CheckClear() error {
	if s.Org == "" || s.Project == "" && s.Kind != "" || !isText(string(s.Org), string(s.Project), s.Kind) {
		return core.E(core.Invalid, "memory", "a part of no org or project can't be cleared")
	}
	return nil
}

// Check returns an invalid error for a document that no index may take.
func (d Document) Check() error {
	const op = "memory.put"
	size := 0
	for _, p := range d.Parts {
		size = max(size, len(p))
	}
	switch {
	case d.ID == "" || d.Stamp == "" || !isText(d.ID, d.Stamp, d.Space):
		return core.E(core.Invalid, op, "a document without an id or a stamp, or with one that is too long or isn't text")
	case len(d.Parts) == 0 || len(d.Parts) > MaxParts || d.Length < 0:
		return core.E(core.Invalid, op, "a document of "+strconv.Itoa(len(d.Parts))+" parts")
	case size > MaxPart || len(d.Vectors) > MaxVectors:
		return core.E(core.Invalid, op, "a part of "+strconv.Itoa(size)+" bytes, and "+strconv.Itoa(len(d.Vectors))+" of vectors")
	case (d.Space == "") != (len(d.Vectors) == 0):
		return core.E(core.Invalid, op, "vectors without what they are comparable within")
	}
	seen := make(map[string]bool, len(d.Words))
	for _, w := range d.Words {
		if len(w.Text) == 0 || len(w.Text) > MaxWord || len(w.Uses) > MaxUses || seen[string(w.Text)] {
			return core.E(core.Invalid, op, "a word that is empty, too long, or there twice")
		}
		seen[string(w.Text)] = true
	}
	return nil
}

// CheckAsked returns an invalid error for a question about more than an index answers at once.
func CheckAsked(op string, n, most int) error {
	if n > most {
		return core.E(core.Invalid, op, strconv.Itoa(n)+" at once are too many")
	}
	return nil
}

// isText reports whether every index can keep the parts as texts.
func isText(parts ...string) bool {
	return !slices.ContainsFunc(parts, func(s string) bool {
		return len(s) > MaxID || !utf8.ValidString(s) || strings.ContainsRune(s, 0)
	})
}
