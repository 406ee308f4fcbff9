package vault

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"sync"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/store"
)

// wordSize is how much of a word's digest is kept: two words of a project are one by chance in
// one of 2^64 pairs.
const wordSize = 8

// wordKeys are the keys of projects' words, by project. They are sealed like any record, and
// stay as they are when an org's keys are rotated: what is found by a word has to be found by
// it afterwards.
const wordKeys store.Kind[wordKey] = "memory_key"

type wordKey struct {
	Key []byte `json:"key"`
}

// Memory returns inner with parts and vectors sealed, and words as digests under a key of their
// project's that only the org's keys open. Which documents have a word in common stays to be
// seen, how often and in how many, and how long parts are; what the word is doesn't. records
// are sealed, as Store returns them.
func (v *Vault) Memory(inner memory.Index, records store.Records) memory.Index {
	return &sealedIndex{Index: inner, vault: v, records: records, words: map[wordPlace][]byte{}}
}

// sealedIndex is the decorator. ID, Entries, Generation and Close are inner's, but that the org
// has to be there.
type sealedIndex struct {
	memory.Index
	vault   *Vault
	records store.Records

	mu    sync.Mutex
	words map[wordPlace][]byte // keys at hand: at most maxWordKeys
}

type wordPlace struct {
	org     core.OrgID
	project core.ProjectID
}

const maxWordKeys = 4096

func partPlace(s memory.Shelf, document, stamp string, number int) []byte {
	return pack("isekai/part/1", string(s.Org), string(s.Project), s.Kind, document, stamp, strconv.Itoa(number))
}

func vectorsPlace(s memory.Shelf, document, stamp, space string) []byte {
	return pack("isekai/vectors/1", string(s.Org), string(s.Project), s.Kind, document, stamp, space)
}

// Put implements memory.Index.
func (x *sealedIndex) Put(ctx context.Context, s memory.Shelf, d memory.Document) error {
	if err := errors.Join(s.Check(), d.Check()); err != nil {
		return err
	}
	keys, err := x.vault.keysToWrite(ctx, s.Org)
	if err != nil {
		return err
	}
	key, err := x.wordKey(ctx, s, true)
	if err != nil {
		return err
	}
	plain := d
	d.Parts, d.Words = make([][]byte, len(plain.Parts)), make([]memory.Word, len(plain.Words))
	for i, p := range plain.Parts {
		if d.Parts[i], err = keys.seal(p, partPlace(s, d.ID, d.Stamp, i)); err != nil {
			return err
		}
	}
	for i, w := range plain.Words {
		d.Words[i] = memory.Word{Text: digestWord(key, w.Text), Uses: w.Uses}
	}
	// In the order of their digests, which says nothing of where they stood.
	slices.SortFunc(d.Words, func(a, b memory.Word) int { return slices.Compare(a.Text, b.Text) })
	if len(d.Vectors) > 0 {
		if d.Vectors, err = keys.seal(plain.Vectors, vectorsPlace(s, d.ID, d.Stamp, d.Space)); err != nil {
			return err
		}
	}
	return x.Index.Put(ctx, s, d)
}

func digestWord(key, word []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(word)
	return h.Sum(nil)[:wordSize]
}

// Generation implements memory.Index. It is what tells of an org that is gone, whose contents
// somebody may have at hand.
func (x *sealedIndex) Generation(ctx context.Context, s memory.Shelf) (int64, error) {
	if _, err := x.vault.keys(ctx, s.Org); err != nil {
		return 0, err
	}
	return x.Index.Generation(ctx, s)
}

// Entries implements memory.Index.
func (x *sealedIndex) Entries(ctx context.Context, s memory.Shelf) ([]memory.Entry, error) {
	if _, err := x.vault.keys(ctx, s.Org); err != nil {
		return nil, err
	}
	return x.Index.Entries(ctx, s)
}

// Uses implements memory.Index.
func (x *sealedIndex) Uses(ctx context.Context, s memory.Shelf, words [][]byte, f func(memory.Use) error) error {
	if err := errors.Join(s.Check(), memory.CheckAsked("memory.uses", len(words), memory.MaxWords)); err != nil {
		return err
	}
	key, err := x.wordKey(ctx, s, false)
	if err != nil || key == nil { // nothing was ever put
		return err
	}
	asked := make([][]byte, len(words))
	plain := make(map[string][]byte, len(words))
	for i, w := range words {
		asked[i] = digestWord(key, w)
		plain[string(asked[i])] = w
	}
	return x.Index.Uses(ctx, s, asked, func(u memory.Use) error {
		u.Word = plain[string(u.Word)]
		return f(u)
	})
}

// Vectors implements memory.Index.
func (x *sealedIndex) Vectors(ctx context.Context, s memory.Shelf, documents []string, f func(memory.Vectors) error) error {
	o, err := x.vault.opener(ctx, s.Org)
	if err != nil {
		return err
	}
	return x.Index.Vectors(ctx, s, documents, func(v memory.Vectors) error {
		if v.Data, err = o.open(ctx, v.Data, vectorsPlace(s, v.Document, v.Stamp, v.Space)); err != nil {
			return unopened("the vectors of "+v.Document, err)
		}
		return f(v)
	})
}

// Parts implements memory.Index.
func (x *sealedIndex) Parts(ctx context.Context, s memory.Shelf, document string, numbers []int) ([]memory.Part, error) {
	parts, err := x.Index.Parts(ctx, s, document, numbers)
	if err != nil {
		return nil, err
	}
	o, err := x.vault.opener(ctx, s.Org)
	if err != nil {
		return nil, err
	}
	for i, p := range parts {
		if parts[i].Data, err = o.open(ctx, p.Data, partPlace(s, p.Document, p.Stamp, p.Number)); err != nil {
			return nil, unopened("a part of "+p.Document, err)
		}
	}
	return parts, nil
}

// wordKey returns the key of a project's words; nil if it has none and none is to be made.
// not_found: the org is gone.
func (x *sealedIndex) wordKey(ctx context.Context, s memory.Shelf, create bool) ([]byte, error) {
	if _, err := x.vault.keys(ctx, s.Org); err != nil {
		return nil, err
	}
	at := wordPlace{s.Org, s.Project}
	x.mu.Lock()
	key := x.words[at]
	x.mu.Unlock()
	if key != nil {
		return key, nil
	}
	err := store.Update(ctx, x.records, s.Org, func() ([]store.Change, error) {
		d, err := wordKeys.Find(ctx, x.records, s.Org, string(s.Project))
		if key = d.Data.Key; err != nil || key != nil || !create {
			return nil, err
		}
		d.Data.Key = newWordKey()
		key = d.Data.Key
		return []store.Change{wordKeys.Put(d)}, nil
	})
	if err == nil && key != nil {
		x.keepWordKey(at, key)
	}
	return key, err
}

func newWordKey() []byte {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // crypto/rand.Read never returns an error
	return key
}

func (x *sealedIndex) keepWordKey(at wordPlace, key []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for other := range x.words {
		if len(x.words) < maxWordKeys {
			break
		}
		delete(x.words, other)
	}
	x.words[at] = key
}
