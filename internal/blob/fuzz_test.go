package blob

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

func FuzzParseDigest(f *testing.F) {
	for _, s := range []string{"", "sha256:", string(DigestOf(nil)), strings.ToUpper(string(DigestOf(nil))),
		"sha256:../../../../etc/passwd", "md5:" + strings.Repeat("0", 64), "sha256:" + strings.Repeat("0", 63) + "/", "sha256:sha256:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		digits, err := ParseDigest(core.Digest(s))
		if err != nil {
			if core.CodeOf(err) != core.Invalid || digits != "" {
				t.Errorf("%q: %q, %v", s, digits, err)
			}
			return
		}
		if "sha256:"+digits != s || len(digits) != 64 || strings.Trim(digits, "0123456789abcdef") != "" {
			t.Errorf("%q was taken as %q", s, digits)
		}
	})
}

func TestParseDigestTakesDigests(t *testing.T) {
	t.Parallel()
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got, err := ParseDigest(DigestOf(nil)); err != nil || got != empty {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzDecodeTree(f *testing.F) {
	d := DigestOf(nil)
	for _, t := range []Tree{{}, {Files: map[string]TreeFile{"a/b": {Digest: d, Size: 1}, "run": {Digest: d, Exec: true}}}} {
		b, err := t.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, p := range badPaths {
		f.Add([]byte(`{"files":{"` + p + `":{"digest":"` + string(d) + `","size":0}}}`))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tree, err := decode(b)
		if err != nil {
			if core.CodeOf(err) != core.Invalid {
				t.Errorf("%q: %v", b, err)
			}
			return
		}
		for _, p := range tree.Paths() {
			if !filepath.IsLocal(p) || filepath.Clean(p) != p {
				t.Errorf("path %q was taken", p)
			}
		}
		if again, err := tree.encode(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%q was taken but is written as %q (%v)", b, again, err)
		}
	})
}

var badPaths = []string{"", ".", "..", "/", "/etc/passwd", "../a", "a/../b", "a/..", "./a", "a/./b", "a//b", "a/", "a\x00b", `a\b`, `..\a`,
	"a\nb", "\x7f", "a\xffb", strings.Repeat("a", maxPath+1)}

func TestCheckPath(t *testing.T) {
	t.Parallel()
	for _, p := range badPaths {
		if core.CodeOf(CheckPath(p)) != core.Invalid {
			t.Errorf("%q is taken", p)
		}
	}
	for _, p := range []string{"a", "a/b", "..a", "a..", ".git/config", "ünï/código.txt", "with space", "a:b", strings.Repeat("a", maxPath)} {
		if err := CheckPath(p); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
}

func TestDecodeTreeRefuses(t *testing.T) {
	t.Parallel()
	file := `{"digest":"` + string(DigestOf(nil)) + `","size":0}`
	if _, err := decode([]byte(`{"files":{"a":` + file + `,"b":` + file + `}}`)); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	for name, b := range map[string]string{
		"nothing":           ``,
		"null":              `null`,
		"no files":          `{}`,
		"null files":        `{"files":null}`,
		"out of order":      `{"files":{"b":` + file + `,"a":` + file + `}}`,
		"twice":             `{"files":{"a":` + file + `,"a":` + file + `}}`,
		"unknown field":     `{"files":{},"links":{}}`,
		"space":             `{"files": {}}`,
		"more after it":     `{"files":{}}{}`,
		"other case":        `{"Files":{}}`,
		"file and folder":   `{"files":{"a":` + file + `,"a/b":` + file + `}}`,
		"negative size":     `{"files":{"a":{"digest":"` + string(DigestOf(nil)) + `","size":-1}}}`,
		"bad digest":        `{"files":{"a":{"digest":"sha256:00","size":0}}}`,
		"escape":            `{"files":{"../a":` + file + `}}`,
		"escaped backslash": `{"files":{"a\\b":` + file + `}}`,
		"not UTF-8":         "{\"files\":{\"a\xff\":" + file + `}}`,
	} {
		if tree, err := decode([]byte(b)); core.CodeOf(err) != core.Invalid {
			t.Errorf("%s: %v, %v", name, tree, err)
		}
	}
}
