package recall

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/recall/read"
	"github.com/isekai-run/isekai/internal/store"
)

// NewDocument is a document to be kept.
type NewDocument struct {
	Title  string // "": what it says of itself, or the name
	Source string // its file's name or address; one of the project's with the same is replaced
	Kind   string // a read.Kind or a media type; "": by the name and the first bytes
	Data   []byte
}

// Add keeps a document, and returns it when it can be found: by its vectors too, if those are
// there in Limits.Patience; else they come later (Waiting). One that has the source already is
// replaced, in one step: until then, and if the new one can't be read, it is found as it was.
// invalid: it can't be read; exhausted: the project keeps as much as it may.
func (s *Service) Add(ctx context.Context, scope core.Scope, n NewDocument) (Document, error) {
	if err := scope.Valid(); err != nil {
		return Document{}, err
	}
	n.Source = text(n.Source, MaxSource)
	if n.Source == "" {
		return Document{}, core.E(core.Invalid, op, "a document without a source").WithHint("give its file's name or its address")
	}
	if int64(len(n.Data)) > s.cfg.Limits.Document {
		return Document{}, core.E(core.Exhausted, op, "the document has more than "+strconv.FormatInt(s.cfg.Limits.Document>>20, 10)+" MiB").WithHint("split it")
	}
	kind := read.KindOf(n.Kind, n.Source, n.Data)
	content, err := s.read(ctx, kind, n.Data)
	if err != nil {
		return Document{}, err
	}
	d := document{
		Title: cmp.Or(text(n.Title, MaxTitle), text(content.Title, MaxTitle), text(path.Base(strings.TrimRight(n.Source, "/")), MaxTitle)), Source: n.Source, Kind: kind,
		Size: int64(len(n.Data)), Cut: content.Cut, State: Waiting, Parts: len(content.Parts), By: scope.Actor, Stamp: s.cfg.IDs("rev"),
	}
	if d.Blob, err = s.keep(ctx, scope.Org, d.Stamp, n.Data); err != nil {
		return Document{}, err
	}
	id, before, err := s.enter(ctx, scope, &d)
	if err != nil { // nothing refers to the blob
		return Document{}, errors.Join(err, s.cfg.Blobs.Delete(context.WithoutCancel(ctx), scope.Org, d.Blob))
	}
	if before != "" {
		if err := s.cfg.Blobs.Delete(ctx, scope.Org, before); err != nil {
			return Document{}, err
		}
	}
	return s.index(ctx, scope, id, content)
}

// read reads a document of a kind.
func (s *Service) read(ctx context.Context, kind read.Kind, data []byte) (read.Document, error) {
	switch {
	case kind == "":
		return read.Document{}, core.E(core.Invalid, op, "the document isn't of a kind that can be read").WithHint("text, Markdown, HTML, CSV, code and PDF can be")
	case kind != read.PDF:
		return read.Decode(kind, data)
	case s.cfg.PDF == nil:
		return read.Document{}, core.E(core.Unsupported, op, "PDF can't be read here").WithHint("make it text first")
	}
	return s.cfg.PDF(ctx, data)
}

// enter writes the record of a document, new or the next version of the one with its source,
// and returns its id and the blob that it had before. What has to be done afterwards is noted in
// the same write, so that it is done if this process ends.
func (s *Service) enter(ctx context.Context, scope core.Scope, d *document) (id string, before core.Digest, err error) {
	fresh := s.cfg.IDs("doc")
	now := s.cfg.Now().UTC()
	err = store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		n, err := names.Find(ctx, s.cfg.Records, scope.Org, namePlace(scope.Project, d.Source))
		if err != nil {
			return nil, err
		}
		sum, err := totals.Find(ctx, s.cfg.Records, scope.Org, string(scope.Project))
		if err != nil {
			return nil, err
		}
		id, before = cmp.Or(n.Data.ID, fresh), ""
		kept, err := documents.Find(ctx, s.cfg.Records, scope.Org, place(scope.Project, id))
		if err != nil {
			return nil, err
		}
		old := kept.Data
		if before = old.Blob; kept.Version == 0 {
			sum.Data.Documents++
			old.Created = now
		}
		sum.Data.Bytes += d.Size - old.Size
		sum.Data.Parts += d.Parts - old.Parts
		if err := s.room(sum.Data, old.Size < d.Size); err != nil {
			return nil, err
		}
		d.Created, d.Changed = old.Created, now
		kept.Data, n.Data.ID = *d, id
		changes, err := s.due(ctx, scope, Documents, id)
		return append(changes, documents.Put(kept), names.Put(n), totals.Put(sum)), err
	})
	return id, before, err
}

// room returns an exhausted error for more than a project may keep.
func (s *Service) room(t total, grows bool) error {
	l := s.cfg.Limits
	what := ""
	switch {
	case t.Documents > l.Documents:
		what = strconv.Itoa(l.Documents) + " documents"
	case grows && t.Bytes > l.Bytes:
		what = strconv.FormatInt(l.Bytes>>20, 10) + " MiB of documents"
	case grows && t.Parts > l.Parts:
		what = strconv.Itoa(l.Parts) + " parts of documents"
	case t.Facts > l.Facts:
		what = strconv.Itoa(l.Facts) + " facts"
	default:
		return nil
	}
	return core.E(core.Exhausted, op, "the project keeps "+what+", and may keep no more").WithHint("isekai memory forget removes what isn't needed")
}

// A document's blob begins with a line that no other has: equal bytes are one blob of an org,
// and deleting it would take them from whoever else has them.
func blobHead(stamp string) string { return "isekai document " + stamp + "\n" }

func (s *Service) keep(ctx context.Context, org core.OrgID, stamp string, data []byte) (core.Digest, error) {
	head := blobHead(stamp)
	digest, _, err := s.cfg.Blobs.Put(ctx, org, io.MultiReader(strings.NewReader(head), bytes.NewReader(data)), int64(len(head)+len(data)))
	return digest, err
}

// Content returns a document as it came.
func (s *Service) Content(ctx context.Context, scope core.Scope, id string) (Document, []byte, error) {
	d, err := s.document(ctx, scope, id)
	if err != nil {
		return Document{}, nil, err
	}
	data, err := s.content(ctx, scope.Org, d.Data)
	return shown(id, d), data, err
}

func (s *Service) content(ctx context.Context, org core.OrgID, d document) ([]byte, error) {
	r, err := s.cfg.Blobs.Open(ctx, org, d.Blob)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	head := blobHead(d.Stamp)
	data, err := io.ReadAll(io.LimitReader(r, int64(len(head))+d.Size+1))
	if err != nil {
		return nil, err
	}
	data, ok := bytes.CutPrefix(data, []byte(head))
	if !ok || int64(len(data)) != d.Size {
		return nil, core.E(core.Internal, op, "a document's blob isn't what was put there")
	}
	return data, nil
}
