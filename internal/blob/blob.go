// Package blob is the port for content-addressed bytes: files of workspaces and
// app versions, and texts too long for an event. Each org has a namespace of its
// own: the same bytes in two orgs are two blobs. An org or a digest that isn't one
// is invalid.
//
// The drivers below it (local, s3) pass the suite in blobtest. Trees (tree.go)
// are built on it.
package blob

import (
	"context"
	"io"

	"github.com/isekai-run/isekai/internal/core"
)

// Store is what a driver provides. Methods are safe for concurrent use.
type Store interface {
	// Put stores what r holds, up to limit bytes, and returns its digest and
	// size. More than limit is exhausted, and nothing is kept. Bytes that are
	// there already are stored once. When Put returns they are durable.
	Put(ctx context.Context, org core.OrgID, r io.Reader, limit int64) (core.Digest, int64, error)
	// Open returns the bytes; not_found if the org has no such blob; a blob whose
	// bytes don't match its digest fails with internal at the end of reading, so
	// what is read counts only when io.EOF has come.
	Open(ctx context.Context, org core.OrgID, d core.Digest) (io.ReadCloser, error)
	// Delete removes a blob; one that isn't there is no error.
	Delete(ctx context.Context, org core.OrgID, d core.Digest) error
}

// Lister is an optional interface of a store: it names what it holds.
type Lister interface {
	// Each calls f for every blob of every org, in no order, and stops at its error.
	// Blobs that come or go meanwhile may be missed.
	Each(ctx context.Context, f func(org core.OrgID, d core.Digest) error) error
}

// Sizer is an optional interface of a store: it measures what it holds.
type Sizer interface {
	// Size returns how many bytes an org's blobs take, as they are stored. Blobs that come
	// or go meanwhile may be missed.
	Size(ctx context.Context, org core.OrgID) (int64, error)
}
