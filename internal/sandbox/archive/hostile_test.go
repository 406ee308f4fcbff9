package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox/archive"
)

// entry is one entry of an archive made by hand.
type entry struct {
	name, text, link string
	kind             byte // of tar; 0 is a regular file
	mode             int64
}

// forge makes an archive with whatever is in it.
func forge(t testing.TB, f archive.Format, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	if f == archive.Zip {
		w := zip.NewWriter(&b)
		for _, e := range entries {
			h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
			modes := map[byte]fs.FileMode{'2': fs.ModeSymlink, '3': fs.ModeDevice | fs.ModeCharDevice, '4': fs.ModeDevice, '5': fs.ModeDir, '6': fs.ModeNamedPipe}
			h.SetMode(modes[e.kind] | 0o644)
			in, err := w.CreateHeader(h)
			if err == nil {
				_, err = io.WriteString(in, e.text+e.link)
			}
			if err != nil && e.kind != '5' {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	gz := gzip.NewWriter(&b)
	w := tar.NewWriter(gz)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: max(e.kind, '0'), Linkname: e.link, Size: int64(len(e.text)), Mode: e.mode | 0o644}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), gz.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUnpackRefusesSlips(t *testing.T) {
	t.Parallel()
	slips := map[string][]entry{
		"climbs":                   {{name: "../slip", text: "x"}},
		"climbs from a folder":     {{name: "a/../../slip", text: "x"}},
		"climbs far":               {{name: strings.Repeat("../", 40) + "tmp/slip", text: "x"}},
		"is absolute":              {{name: "/tmp/isekai-slip", text: "x"}},
		"climbs as on Windows":     {{name: `..\slip`, text: "x"}},
		"is of a drive":            {{name: `C:\slip`, text: "x"}},
		"climbs as a folder":       {{name: "../slip/", kind: '5'}},
		"has a link outwards":      {{name: "l", kind: '2', link: "/etc"}},
		"writes through a link":    {{name: "l", kind: '2', link: ".."}, {name: "l/slip", text: "x"}},
		"has a device":             {{name: "d", kind: '3'}},
		"has a block device":       {{name: "d", kind: '4'}},
		"has a FIFO":               {{name: "d", kind: '6'}},
		"has no name":              {{name: "", text: "x"}},
		"is called dot":            {{name: ".", text: "x"}},
		"has dots within":          {{name: "a/./b", text: "x"}},
		"has empty elements":       {{name: "a//b", text: "x"}},
		"has a control character":  {{name: "a\nb", text: "x"}},
		"isn't text":               {{name: "a\xff", text: "x"}},
		"has a long name":          {{name: strings.Repeat("x", 300), text: "x"}},
		"has a long path":          {{name: strings.Repeat("xxxxxxxxx/", 30) + "y", text: strings.Repeat("x", 10)}, {name: strings.Repeat(strings.Repeat("x", 200)+"/", 6) + "y"}},
		"is deep":                  {{name: strings.Repeat("a/", 40) + "b", text: "x"}},
		"climbs behind a good one": {{name: "good", text: "x"}, {name: "../slip", text: "x"}},
	}
	for name, entries := range slips {
		for _, f := range formats {
			t.Run(name+"/"+string(f), func(t *testing.T) {
				t.Parallel()
				if _, err := unpack(t, forge(t, f, entries...), f, archive.Limits{}); core.CodeOf(err) != core.Invalid {
					t.Errorf("got %v", err)
				}
			})
		}
	}
	t.Run("has a hard link", func(t *testing.T) {
		t.Parallel()
		b := forge(t, archive.TarGz, entry{name: "l", kind: '1', link: "/etc/passwd"})
		if _, err := unpack(t, b, archive.TarGz, archive.Limits{}); core.CodeOf(err) != core.Invalid {
			t.Errorf("got %v", err)
		}
	})
	t.Run("has a name twice", func(t *testing.T) {
		t.Parallel()
		for _, second := range []string{"a", "a/b"} { // as a file, as a folder
			for _, f := range formats {
				b := forge(t, f, entry{name: "a", text: "1"}, entry{name: second, text: "2"})
				if _, err := unpack(t, b, f, archive.Limits{}); core.CodeOf(err) != core.Conflict {
					t.Errorf("%s: %s: %v", second, f, err)
				}
			}
		}
	})
}

// The control: an unpacker that joins paths, as most first ones do, is led out.
func TestSlipsWorkOnANaiveUnpacker(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	root := filepath.Join(parent, "root")
	for _, e := range []entry{{name: "../climbed", text: "x"}, {name: "l", kind: '2', link: ".."}, {name: "l/through", text: "x"}} {
		path := filepath.Join(root, e.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if e.kind == '2' {
			err = os.Symlink(e.link, path)
		} else {
			err = os.WriteFile(path, []byte(e.text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"climbed", "through"} {
		if _, err := os.Stat(filepath.Join(parent, name)); err != nil {
			t.Errorf("%s: not led out: %v", name, err)
		}
	}
}

func TestUnpackStopsBombs(t *testing.T) {
	t.Parallel()
	var many, folders []entry
	for i := range 600 {
		many = append(many, entry{name: fmt.Sprint("f", i)})
		folders = append(folders, entry{name: fmt.Sprint("d", i, "/"), kind: '5'})
	}
	zeros := strings.Repeat("\x00", 3<<20)
	for name, c := range map[string]struct {
		entries []entry
		limits  archive.Limits
	}{
		"too many files":       {many, archive.Limits{Entries: 500}},
		"too many folders":     {folders, archive.Limits{Entries: 500}},
		"too many bytes":       {[]entry{{name: "a", text: zeros}}, archive.Limits{Bytes: 2 << 20, Ratio: 1 << 30}},
		"too many in all":      {[]entry{{name: "a", text: zeros[:1<<20]}, {name: "b", text: zeros[:1<<20]}, {name: "c", text: "x"}}, archive.Limits{Bytes: 2 << 20, Ratio: 1 << 30}},
		"too well compressed":  {[]entry{{name: "a", text: zeros}}, archive.Limits{Ratio: 20}},
		"too large an archive": {[]entry{{name: "a", text: "x"}}, archive.Limits{Packed: 20}},
	} {
		for _, f := range formats {
			t.Run(name+"/"+string(f), func(t *testing.T) {
				t.Parallel()
				dir, err := unpack(t, forge(t, f, c.entries...), f, c.limits)
				if core.CodeOf(err) != core.Exhausted {
					t.Errorf("got %v", err)
				}
				var sum int64
				for _, text := range tree(t, dir) {
					sum += int64(len(text))
				}
				if l := c.limits.OrDefault(); sum > l.Bytes {
					t.Errorf("%d bytes were written", sum)
				}
			})
		}
	}
}

// A zip's directory may name one file's bytes many times: the bytes count each
// time.
func TestUnpackCountsSharedBytesEachTime(t *testing.T) {
	t.Parallel()
	var entries []entry
	for i := range 40 {
		entries = append(entries, entry{name: fmt.Sprint("f", i), text: strings.Repeat("x", 100_000)})
	}
	b := forge(t, archive.Zip, entries...)
	if _, err := unpack(t, b, archive.Zip, archive.Limits{Ratio: 10}); core.CodeOf(err) != core.Exhausted {
		t.Errorf("got %v", err)
	}
}

// A tar's end says nothing about the stream's: what follows is bounded too.
func TestUnpackStopsABombBehindTheEnd(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	w := tar.NewWriter(gz)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := gz.Write(make([]byte, 8<<20)); err != nil {
		t.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := unpack(t, b.Bytes(), archive.TarGz, archive.Limits{Bytes: 1 << 20, Entries: 10})
	if core.CodeOf(err) != core.Exhausted {
		t.Errorf("got %v", err)
	}
}

func TestUnpackRefusesDamage(t *testing.T) {
	t.Parallel()
	for _, f := range formats {
		text := make([]byte, 3000)
		_, _ = rand.NewChaCha8([32]byte{}).Read(text) // never fails; doesn't compress, so that the middle is content
		whole := forge(t, f, entry{name: "a", text: string(text)})
		flipped := bytes.Clone(whole)
		flipped[len(flipped)/2] ^= 0xff
		for name, b := range map[string][]byte{"empty": nil, "text": []byte("this is no archive"), "cut": whole[:len(whole)*2/3], "flipped": flipped} {
			if _, err := unpack(t, b, f, archive.Limits{}); core.CodeOf(err) != core.Invalid {
				t.Errorf("%s of %s: %v", name, f, err)
			}
		}
		if _, err := unpack(t, whole, "rar", archive.Limits{}); core.CodeOf(err) != core.Invalid {
			t.Errorf("as rar: %v", err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	for i, format := range formats {
		f.Add(i == 0, forge(f, format, entry{name: "a", text: "1"}, entry{name: "d/b", text: "2"}))
		f.Add(i == 0, forge(f, format, entry{name: "../a", text: "1"}))
		f.Add(i == 0, forge(f, format, entry{name: "l", kind: '2', link: ".."}, entry{name: "l/b", text: "2"}))
		f.Add(i == 0, forge(f, format, entry{name: "z", text: strings.Repeat("\x00", 9000)}))
	}
	limits := archive.Limits{Packed: 1 << 16, Bytes: 8 << 10, Entries: 8, Ratio: 50, Depth: 4}
	f.Fuzz(func(t *testing.T, isZip bool, b []byte) {
		format := archive.TarGz
		if isZip {
			format = archive.Zip
		}
		dir, err := unpack(t, b, format, limits)
		if c := core.CodeOf(err); c == core.Internal {
			t.Errorf("an error without a code: %v", err)
		}
		var sum int64
		all := tree(t, dir)
		for name, text := range all {
			sum += int64(len(strings.TrimSuffix(text, " (executable)")))
			if strings.Count(name, "/") > limits.Depth {
				t.Errorf("%s is too deep", name)
			}
		}
		if sum > limits.Bytes || len(all) > limits.Entries*limits.Depth {
			t.Errorf("%d bytes, %d files", sum, len(all))
		}
	})
}
