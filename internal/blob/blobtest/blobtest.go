// Package blobtest is the contract of package blob as tests, that of trees
// included. Every driver runs it from its own test file.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
)

// Open returns an empty store of its own for each call. What it needs to release
// goes into the test's cleanup.
type Open func(t testing.TB) blob.Store

const orgA, orgB core.OrgID = "org_a", "org_b"

// Run runs the whole suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, blob.Store)
	}{
		{"PutAndOpen", testPutAndOpen},
		{"Limit", testLimit},
		{"FailingReader", testFailingReader},
		{"OrgIsolation", testOrgIsolation},
		{"Delete", testDelete},
		{"Head", testHead},
		{"Invalid", testInvalid},
		{"Size", testSize},
		{"Concurrent", testConcurrent},
		{"CanceledContext", testCanceled},
		{"TreeRoundTrip", testTreeRoundTrip},
		{"TreeDigest", testTreeDigest},
		{"TreeLimits", testTreeLimits},
		{"SnapshotSkips", testSnapshotSkips},
		{"SnapshotRace", testSnapshotRace},
		{"CheckoutIsExact", testCheckoutIsExact},
		{"CheckoutStaysInside", testCheckoutStaysInside},
		{"CheckoutHeals", testCheckoutHeals},
		{"LoadRefuses", testLoadRefuses},
		{"TreeModel", testTreeModel},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

// bytesOf returns n bytes that differ by seed.
func bytesOf(n int, seed uint64) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b) // never fails
	return b
}

// put stores b, or fails the test.
func put(t testing.TB, s blob.Store, org core.OrgID, b []byte) core.Digest {
	t.Helper()
	d, n, err := s.Put(t.Context(), org, bytes.NewReader(b), int64(len(b)))
	if err != nil || n != int64(len(b)) || d != digestOf(t, s, org, b) {
		t.Fatalf("put of %d bytes: %s, %d, %v", len(b), d, n, err)
	}
	return d
}

// digestOf returns the digest that s gives to b.
func digestOf(t testing.TB, s blob.Store, org core.OrgID, b []byte) core.Digest {
	t.Helper()
	d, err := blob.Digest(t.Context(), s, org, bytes.NewReader(b))
	if err != nil {
		t.Fatalf("digest of %d bytes: %v", len(b), err)
	}
	return d
}

// get reads a blob to its end.
func get(t testing.TB, s blob.Store, org core.OrgID, d core.Digest) ([]byte, error) {
	t.Helper()
	r, err := s.Open(t.Context(), org, d)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	if e := r.Close(); e != nil {
		t.Errorf("close: %v", e)
	}
	return b, err
}

func wantCode(t testing.TB, what string, err error, code core.Code) {
	t.Helper()
	if core.CodeOf(err) != code {
		t.Errorf("%s: error %v has code %q, want %q", what, err, core.CodeOf(err), code)
	}
}

func testPutAndOpen(t *testing.T, s blob.Store) {
	for _, n := range []int{0, 1, 1000, 256 << 10, 256<<10 + 1, 3 << 20} {
		want := bytesOf(n, 1)
		for range 2 { // the second time it is there already
			d := put(t, s, orgA, want)
			if got, err := get(t, s, orgA, d); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes came back as %d (%v)", n, len(got), err)
			}
		}
	}
	// A reader that gives little at a time, and its end with the last bytes.
	want := bytesOf(300<<10, 2)
	d, _, err := s.Put(t.Context(), orgA, iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(want))), 1<<20)
	if err != nil || d != digestOf(t, s, orgA, want) {
		t.Errorf("a slow reader: %s, %v", d, err)
	}
}

func testLimit(t *testing.T, s blob.Store) {
	for _, n := range []int{1, 1000, 256 << 10, 1 << 20} {
		b := bytesOf(n, 1)
		_, _, err := s.Put(t.Context(), orgA, bytes.NewReader(b), int64(n-1))
		wantCode(t, "put over the limit", err, core.Exhausted)
		_, err = get(t, s, orgA, digestOf(t, s, orgA, b))
		wantCode(t, "open what was over the limit", err, core.NotFound)
		_, err = get(t, s, orgA, digestOf(t, s, orgA, b[:n-1]))
		wantCode(t, "open what was within it", err, core.NotFound)
		put(t, s, orgA, b) // exactly at the limit
	}
}

func testFailingReader(t *testing.T, s blob.Store) {
	broken := errors.New("broken")
	for _, n := range []int{10, 1 << 20} {
		b := bytesOf(n, 1)
		_, _, err := s.Put(t.Context(), orgA, io.MultiReader(bytes.NewReader(b), iotest.ErrReader(broken)), 1<<30)
		if !errors.Is(err, broken) {
			t.Errorf("the reader's error came back as %v", err)
		}
		_, err = get(t, s, orgA, digestOf(t, s, orgA, b))
		wantCode(t, "open what wasn't whole", err, core.NotFound)
	}
}

func testOrgIsolation(t *testing.T, s blob.Store) {
	b := bytesOf(100, 1)
	d := put(t, s, orgA, b)
	_, err := s.Open(t.Context(), orgB, d)
	wantCode(t, "open another org's blob", err, core.NotFound)
	put(t, s, orgB, b)
	if err := s.Delete(t.Context(), orgB, d); err != nil {
		t.Fatal(err)
	}
	if got, err := get(t, s, orgA, d); err != nil || !bytes.Equal(got, b) {
		t.Errorf("another org's delete reached it: %v", err)
	}
}

func testHead(t *testing.T, s blob.Store) {
	b := bytesOf(3000, 1)
	d := put(t, s, orgA, b)
	for _, limit := range []int64{0, 1, 2999, 3000, 3001} {
		head, size, err := blob.Head(t.Context(), s, orgA, d, limit)
		if want := b[:min(limit, 3000)]; err != nil || size != 3000 || !bytes.Equal(head, want) {
			t.Errorf("the first %d: %d bytes of %d, %v", limit, len(head), size, err)
		}
	}
	_, _, err := blob.Head(t.Context(), s, orgB, d, 10)
	wantCode(t, "the head of another org's", err, core.NotFound)
}

func testDelete(t *testing.T, s blob.Store) {
	d := put(t, s, orgA, bytesOf(100, 1))
	for range 2 {
		if err := s.Delete(t.Context(), orgA, d); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Open(t.Context(), orgA, d)
	wantCode(t, "open after delete", err, core.NotFound)
	put(t, s, orgA, bytesOf(100, 1))
}

func testInvalid(t *testing.T, s blob.Store) {
	good := put(t, s, orgA, []byte("x"))
	for _, d := range []core.Digest{"", "x", "sha256:", core.Digest(strings.ToUpper(string(good))), good + "0", good[:70],
		"sha256:../../../../../../../etc/passwd", core.Digest("sha256:" + strings.Repeat(".", 64)), core.Digest("sha256:" + strings.Repeat("/", 64))} {
		_, err := s.Open(t.Context(), orgA, d)
		wantCode(t, "open "+string(d), err, core.Invalid)
		wantCode(t, "delete "+string(d), s.Delete(t.Context(), orgA, d), core.Invalid)
	}
	for _, org := range []core.OrgID{"", ".", "..", "../org_a", "org_a/..", "tmp", "org_", "org_A", "org_a\x00", "/etc"} {
		_, _, err := s.Put(t.Context(), org, strings.NewReader("x"), 10)
		wantCode(t, "put as "+string(org), err, core.Invalid)
		_, err = s.Open(t.Context(), org, good)
		wantCode(t, "open as "+string(org), err, core.Invalid)
	}
}

func testConcurrent(t *testing.T, s blob.Store) {
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() { // four times the same, and readers of it between
			b := bytesOf(10_000+i/4, uint64(i/4))
			d, _, err := s.Put(t.Context(), orgA, bytes.NewReader(b), 1<<20)
			if err != nil {
				t.Errorf("put: %v", err)
				return
			}
			if got, err := get(t, s, orgA, d); err != nil || !bytes.Equal(got, b) {
				t.Errorf("get: %d bytes, %v", len(got), err)
			}
		})
	}
	all.Wait()
}

func testCanceled(t *testing.T, s blob.Store) {
	d := put(t, s, orgA, []byte("x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := s.Put(ctx, orgA, strings.NewReader("y"), 10)
	wantCode(t, "put", err, core.Canceled)
	_, err = s.Open(ctx, orgA, d)
	wantCode(t, "open", err, core.Canceled)
	wantCode(t, "delete", s.Delete(ctx, orgA, d), core.Canceled)
}
