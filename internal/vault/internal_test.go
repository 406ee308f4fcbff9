package vault

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
)

func testKeys(t testing.TB) *orgKeys {
	t.Helper()
	k, err := newOrgKeys()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// FuzzOpen gives the openers anything in place of a ciphertext. What opens was sealed.
func FuzzOpen(f *testing.F) {
	k := testKeys(f)
	place := eventPlace(&core.Event{Org: "org_a", Stream: "tsk_1", Version: 1})
	plain := []byte(`{"a":1}`)
	sealed, err := k.seal(plain, place)
	if err != nil {
		f.Fatal(err)
	}
	chunk, err := k.blobs.EncryptDeterministically(plain, place)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add(chunk)
	f.Add(sealed[:5])
	f.Add([]byte{1})
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		for what, open := range map[string]func() ([]byte, error){
			"event": func() ([]byte, error) { return k.open(b, place) },
			"chunk": func() ([]byte, error) { return k.openChunk(b, place) },
			"none":  func() ([]byte, error) { return (*orgKeys)(nil).open(b, place) },
			"text":  func() ([]byte, error) { return k.open(decodeText(string(b)), place) },
		} {
			got, err := open()
			genuine := bytes.Equal(b, sealed) || bytes.Equal(b, chunk)
			if err == nil && (!genuine || !bytes.Equal(got, plain)) || err != nil && got != nil {
				t.Errorf("%s: %x opened to %q (%v)", what, b, got, err)
			}
		}
	})
}

// FuzzUnseal reads anything in place of a sealed blob.
func FuzzUnseal(f *testing.F) {
	k := testKeys(f)
	v := New(Config{})
	seal := func(plain []byte) []byte {
		b, err := io.ReadAll(newSealer(k, "org_a", bytes.NewReader(plain), 1<<30))
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	plain := []byte("what a file holds")
	sealed := seal(plain)
	f.Add(sealed)
	f.Add(seal(nil))
	f.Add(append(bytes.Clone(sealed), sealed...))
	f.Add(sealed[:10])
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		u := &unsealer{opening: &opening{Vault: v, org: "org_a", keys: k, looked: true}, ctx: context.Background(), from: io.NopCloser(bytes.NewReader(b))}
		got, err := io.ReadAll(iotest.OneByteReader(u))
		if err == nil && !bytes.Equal(seal(got), b) || err != nil && len(got) > 0 {
			t.Errorf("%x gave %q, %v", b, got, err)
		}
	})
}

// FuzzKeys parses anything in place of an unwrapped keyset, and of a master key.
func FuzzKeys(f *testing.F) {
	k := testKeys(f)
	b, err := k.encode("org_a")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-1])
	f.Add(pack([]byte(keysetForm), []byte("org_a"), nil, nil))
	f.Add([]byte(`{"primaryKeyId":1,"key":[{"keyData":{"typeUrl":"x","value":"AA==","keyMaterialType":"SYMMETRIC"},"status":"ENABLED","keyId":1,"outputPrefixType":"TINK"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := decodeKeys("org_a", b); err == nil {
			if _, err := k.seal([]byte("x"), nil); err != nil {
				t.Errorf("keys that can't seal: %v", err)
			}
		}
		if _, err := decodeKeys("org_b", b); err == nil && bytes.Contains(b, []byte("org_a")) && !bytes.Contains(b, []byte("org_b")) {
			t.Error("another org's keys")
		}
		if m, err := ParseMaster(string(b)); err == nil {
			if _, err := m.Wrap(context.Background(), []byte("x"), nil); err != nil {
				t.Errorf("a master that can't wrap: %v", err)
			}
		}
	})
}

// FuzzPack: what is unpacked is packed to the same bytes, so no two lists share them.
func FuzzPack(f *testing.F) {
	f.Add(pack("a", "", "bc"))
	f.Add([]byte{0, 0, 0, 9, 1})
	f.Add([]byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		parts, err := unpack(b)
		if err == nil && !bytes.Equal(pack(parts...), b) {
			t.Errorf("%x was unpacked to %x", b, parts)
		}
	})
}

func TestPack(t *testing.T) {
	t.Parallel()
	for _, parts := range [][]string{nil, {""}, {"", ""}, {"a", "b"}, {"ab"}, {"a", "", "b"}, {"\x00\x00\x00\x01a"}} {
		var got []string
		back, err := unpack(pack(parts...))
		for _, p := range back {
			got = append(got, string(p))
		}
		if err != nil || !cmp.Equal(got, parts) {
			t.Errorf("%q came back as %q (%v)", parts, got, err)
		}
	}
}

func TestWhoCanGetAtAFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode        fs.FileMode
		owner, user int
		exposed     bool
	}{
		{0o600, 7, 7, false}, {0o400, 7, 7, false}, {0o700, 7, 7, false}, {0o640, 7, 7, true}, {0o604, 7, 7, true}, {0o660, 7, 7, true},
		{0o600, 0, 0, false}, {0o640, 0, 0, true}, {0o440, 0, 7, false}, {0o640, 0, 7, false}, {0o460, 0, 7, true}, {0o444, 0, 7, true},
		{0o600, 8, 7, true}, {0o600, 8, 0, true}, {0o400, 8, 0, true}, // its owner can read it, and change its mode
	} {
		if got := exposed(c.mode, c.owner, c.user); got != c.exposed {
			t.Errorf("%o of %d for %d is exposed: %v", c.mode, c.owner, c.user, got)
		}
	}
}

// TestBlobsNeedLittleMemory: no more than a chunk and a byte is read ahead of what has been
// handed on, in either direction.
func TestBlobsNeedLittleMemory(t *testing.T) {
	t.Parallel()
	k, total := testKeys(t), int64(6*chunkSize+3)
	from := &countingReader{r: io.LimitReader(zeros{}, total)}
	sealer := newSealer(k, "org_a", from, total)
	between := &countingReader{r: sealer}
	u := &unsealer{opening: &opening{Vault: New(Config{}), org: "org_a", keys: k}, ctx: t.Context(), from: io.NopCloser(between)}
	var done int64
	for buf := make([]byte, 32<<10); ; {
		n, err := u.Read(buf)
		done += int64(n)
		if from.n-between.n > chunkSize+1 || between.n-done > 2*chunkSize || sealer.plain.Cap() > 4*chunkSize || u.sealed.Cap() > 4*chunkSize {
			t.Fatalf("read %d, sealed %d, opened %d", from.n, between.n, done)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if done != total {
		t.Errorf("%d bytes came back of %d", done, total)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// TestSealerKeepsABound: a reader that fails or has too much leaves nothing, and a limit
// of any size has a sealed size.
func TestSealerKeepsABound(t *testing.T) {
	t.Parallel()
	k, broken := testKeys(t), errors.New("broken")
	_, err := io.ReadAll(newSealer(k, "org_a", io.MultiReader(bytes.NewReader(make([]byte, 10)), iotest.ErrReader(broken)), 100))
	if !errors.Is(err, broken) {
		t.Errorf("the reader's error came back as %v", err)
	}
	for _, n := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 2*chunkSize + 1} {
		sealed, err := io.ReadAll(newSealer(k, "org_a", bytes.NewReader(make([]byte, n)), int64(n)))
		if err != nil || int64(len(sealed)) != sealedSize(int64(n)) {
			t.Errorf("%d bytes are sealed to %d, want %d (%v)", n, len(sealed), sealedSize(int64(n)), err)
		}
		if _, err := io.ReadAll(newSealer(k, "org_a", bytes.NewReader(make([]byte, n+1)), int64(n))); core.CodeOf(err) != core.Exhausted {
			t.Errorf("%d bytes over the limit: %v", n+1, err)
		}
	}
	for _, n := range []int64{0, 1 << 40, 1<<63 - 1} {
		if got := sealedSize(n); got < n {
			t.Errorf("%d bytes would be sealed to %d", n, got)
		}
	}
}
