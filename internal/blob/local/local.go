// Package local keeps blobs as files of one folder: what Isekai starts with.
//
// platform opens it, everything else uses it as a blob.Store. A blob is
// <dir>/<org>/<first two digits>/<digest>, readable by its owner alone, written
// to <dir>/tmp, synced, and renamed into place; so a blob is whole or not there.
// It never follows a path out of its folder and never trusts what it reads: the
// bytes are checked against the digest.
package local

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
)

const (
	tempDir = "tmp"     // no org is called so
	stale   = time.Hour // a temporary file that nobody has written to for so long is left over
	small   = 256 << 10 // bytes: up to here a blob that is there already isn't written again
	dirMode = fs.FileMode(0o700)

	maxReady = 16 << 10 // folders that are known to be on the disk; beyond, all are looked at again
)

// Store is a blob.Store.
type Store struct {
	root *os.Root

	mu    sync.Mutex
	ready map[string]bool // folders that are known to be on the disk, at most maxReady
}

var _ blob.Store = (*Store)(nil)

// Open opens the folder, makes it if it isn't there, and removes what a process
// that was killed left unfinished.
func Open(dir string) (*Store, error) {
	const op = "blob.open"
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, translate(op, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, translate(op, err)
	}
	s := &Store{root: root, ready: map[string]bool{}}
	if err := s.sweep(time.Now().Add(-stale)); err != nil {
		_ = root.Close()
		return nil, translate(op, err)
	}
	return s, nil
}

// Close releases the folder. Readers that are open stay so.
func (s *Store) Close() error { return s.root.Close() }

// sweep makes the folder of temporary files and removes those from before.
func (s *Store) sweep(before time.Time) error {
	if err := s.root.MkdirAll(tempDir, dirMode); err != nil {
		return err
	}
	entries, err := fs.ReadDir(s.root.FS(), tempDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.ModTime().After(before) {
			continue // it is gone, or in use
		}
		if err := s.root.Remove(path.Join(tempDir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// place returns the folder and the path of a blob.
func place(org core.OrgID, d core.Digest) (dir, name string, err error) {
	if !core.ValidID("org", string(org)) {
		return "", "", core.E(core.Invalid, "blob", "not an org's id")
	}
	digits, err := blob.ParseDigest(d)
	if err != nil {
		return "", "", err
	}
	dir = path.Join(string(org), digits[:2])
	return dir, path.Join(dir, digits), nil
}

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, org core.OrgID, r io.Reader, limit int64) (core.Digest, int64, error) {
	const op = "blob.put"
	if _, _, err := place(org, blob.DigestOf(nil)); err != nil {
		return "", 0, err
	}
	r = &bounded{ctx: ctx, r: r, left: limit}
	var head bytes.Buffer
	n, err := io.CopyN(&head, r, small)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", 0, translate(op, err)
	}
	if errors.Is(err, io.EOF) { // that is all of it
		d := blob.DigestOf(head.Bytes())
		if there, err := s.has(org, d, n); there || err != nil {
			return d, n, translate(op, err)
		}
	}
	d, n, err := s.write(org, io.MultiReader(&head, r))
	if err != nil {
		return "", 0, translate(op, err)
	}
	return d, n, nil
}

// has reports whether the blob is there, and makes sure that it stays.
func (s *Store) has(org core.OrgID, d core.Digest, size int64) (bool, error) {
	dir, name, err := place(org, d)
	if err != nil {
		return false, err
	}
	info, err := s.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() != size {
		return false, nil // write it, again if need be
	}
	return true, s.sync(dir) // whoever put it may not have come to that yet
}

// write stores what r holds.
func (s *Store) write(org core.OrgID, r io.Reader) (core.Digest, int64, error) {
	temp := path.Join(tempDir, rand.Text())
	f, err := s.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), r)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	d := blob.DigestFrom(h)
	if err == nil {
		err = s.install(org, d, temp)
	}
	if err != nil {
		_ = s.root.Remove(temp)
		return "", 0, err
	}
	return d, n, nil
}

// install moves a finished temporary file to its place.
func (s *Store) install(org core.OrgID, d core.Digest, temp string) error {
	dir, name, err := place(org, d)
	if err != nil {
		return err
	}
	if err := s.prepare(string(org), dir); err != nil {
		return err
	}
	if err := s.root.Rename(temp, name); err != nil {
		return err
	}
	return s.sync(dir)
}

// prepare makes an org's folder and the blob's in it, durably.
func (s *Store) prepare(org, dir string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready[dir] {
		return nil
	}
	if err := s.root.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	for _, parent := range []string{org, "."} {
		if err := s.sync(parent); err != nil {
			return err
		}
	}
	if len(s.ready) >= maxReady {
		clear(s.ready)
	}
	s.ready[dir] = true
	return nil
}

// sync makes the entries of a folder durable.
func (s *Store) sync(dir string) error {
	f, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// Open implements blob.Store.
func (s *Store) Open(ctx context.Context, org core.OrgID, d core.Digest) (io.ReadCloser, error) {
	const op = "blob.open"
	_, name, err := place(org, d)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, translate(op, err)
	}
	f, err := s.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, core.E(core.NotFound, op, "there is no blob "+string(d))
	}
	if err != nil {
		return nil, translate(op, err)
	}
	return &verified{f: f, h: sha256.New(), want: d}, nil
}

// Delete implements blob.Store.
func (s *Store) Delete(ctx context.Context, org core.OrgID, d core.Digest) error {
	const op = "blob.delete"
	dir, name, err := place(org, d)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return translate(op, err)
	}
	err = s.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = s.sync(dir)
	}
	return translate(op, err)
}

// verified reads a file and compares it with its digest at the end.
type verified struct {
	f    *os.File
	h    hash.Hash
	want core.Digest
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.f.Read(p)
	v.h.Write(p[:n])
	switch {
	case errors.Is(err, io.EOF) && blob.DigestFrom(v.h) != v.want:
		return n, core.E(core.Internal, "blob.read", "blob "+string(v.want)+" is damaged").
			WithHint("check the disk, and restore the blob from a backup")
	case err != nil && !errors.Is(err, io.EOF):
		return n, translate("blob.read", err)
	}
	return n, err
}

func (v *verified) Close() error { return v.f.Close() }

// bounded reads until ctx ends, and fails when there is more than left.
type bounded struct {
	ctx  context.Context
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, core.E(core.Exhausted, "blob.put", "larger than the limit").WithHint("make it smaller, or raise the limit")
	}
	return n, err
}
