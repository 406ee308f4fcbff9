package skill_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/skill"
)

// tarred makes a tar.gz archive of headers, whose sizes are those of texts.
func tarred(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	w := tar.NewWriter(gz)
	for _, h := range entries {
		content := h.Uname // carried there
		h.Uname, h.Size, h.Mode = "", int64(len(content)), 0o644
		ok(t, w.WriteHeader(&h))
		_ = must(w.Write([]byte(content)))(t)
	}
	ok(t, errors.Join(w.Close(), gz.Close()))
	return b.Bytes()
}

func file(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Uname: content}
}

func TestHostileArchives(t *testing.T) {
	t.Parallel()
	good := file("csv/SKILL.md", text("csv", "x"))
	zeros := strings.Repeat("\x00", 3<<20)
	var many []tar.Header
	for i := range 5000 {
		many = append(many, file(fmt.Sprintf("csv/%d", i), ""))
	}
	bomb := []tar.Header{good}
	for i := range 6 {
		bomb = append(bomb, file(fmt.Sprintf("csv/%d", i), zeros))
	}
	for name, tt := range map[string]struct {
		packed []byte
		code   core.Code
	}{
		"nothing":                 {nil, core.Invalid},
		"no archive":              {[]byte("---\nname: csv\n---\n"), core.Invalid},
		"damaged zip":             {[]byte("PK\x03\x04 and so on"), core.Invalid},
		"damaged tar":             {[]byte("\x1f\x8b and so on"), core.Invalid},
		"cut short":               {tarred(t, good)[:60], core.Invalid},
		"empty":                   {pack(t, nil), core.Invalid},
		"no SKILL.md":             {pack(t, map[string]string{"csv/README.md": "x"}), core.Invalid},
		"climbs":                  {tarred(t, good, file("../slip", "x")), core.Invalid},
		"absolute":                {tarred(t, good, file("/tmp/slip", "x")), core.Invalid},
		"climbs in a zip":         {pack(t, map[string]string{"csv/SKILL.md": text("csv", "x"), "csv/../../slip": "x"}), core.Invalid},
		"a link":                  {tarred(t, good, tar.Header{Typeflag: tar.TypeSymlink, Name: "csv/l", Linkname: "/etc/passwd"}), core.Invalid},
		"SKILL.md is a link":      {tarred(t, tar.Header{Typeflag: tar.TypeSymlink, Name: "csv/SKILL.md", Linkname: "/etc/passwd"}), core.Invalid},
		"a hard link":             {tarred(t, good, tar.Header{Typeflag: tar.TypeLink, Name: "csv/l", Linkname: "/etc/passwd"}), core.Invalid},
		"a device":                {tarred(t, good, tar.Header{Typeflag: tar.TypeChar, Name: "csv/null"}), core.Invalid},
		"SKILL.md twice":          {tarred(t, good, good), core.Conflict},
		"a bomb":                  {tarred(t, bomb...), core.Exhausted},
		"a large file":            {tarred(t, good, file("csv/large", zeros)), core.Exhausted},
		"many files":              {tarred(t, many...), core.Exhausted},
		"more files than a skill": {tarred(t, append(many[:skill.MaxFiles], good)...), core.Invalid},
		"deep":                    {tarred(t, good, file("csv/"+strings.Repeat("a/", 9)+"x", "")), core.Invalid},
		"two skills":              {tarred(t, good, file("other/SKILL.md", text("other", "x"))), core.Invalid},
		"another name":            {tarred(t, file("xls/SKILL.md", text("csv", "x"))), core.Invalid},
		"long front matter":       {tarred(t, file("csv/SKILL.md", "---\n"+strings.Repeat("# x\n", 8<<10)+"---\n")), core.Invalid},
		"bad front matter":        {tarred(t, file("csv/SKILL.md", "---\nname: &x csv\ndescription: *x\n---\n")), core.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			dir := t.TempDir()
			p, problems, err := skill.Unpack(t.Context(), tt.packed, filepath.Join(dir, "in"))
			if err == nil {
				err = problems.Err()
			}
			if core.CodeOf(err) != tt.code || p != nil {
				t.Errorf("%v has code %q, want %q", err, core.CodeOf(err), tt.code)
			}
			if left, _ := os.ReadDir(filepath.Join(dir, "in")); len(left) != 0 {
				t.Errorf("it leaves %v", left)
			}
			if left, _ := os.ReadDir(dir); len(left) > 1 {
				t.Errorf("it leaves %v", left)
			}
			if _, err := r.Add(t.Context(), ada, skill.OfProject, tt.packed, "upload"); core.CodeOf(err) != tt.code {
				t.Errorf("added: %v", err)
			}
			if got := offered(t, r.Service, ada); got != "shipped" {
				t.Errorf("offered %q", got)
			}
		})
	}
}

// TestHonestArchives: with and without a folder, and with what tools leave in it.
func TestHonestArchives(t *testing.T) {
	t.Parallel()
	files := map[string]string{"SKILL.md": text("csv", "x"), "scripts/run.sh": "#!/bin/sh\n"}
	below := map[string]string{"__MACOSX/csv/._SKILL.md": "x", "csv/.DS_Store": "x", "csv/.git/HEAD": "x", "csv/scripts/__pycache__/a.pyc": "x"}
	for name, content := range files {
		below["csv/"+name] = content
	}
	var digests []core.Digest
	for name, packed := range map[string][]byte{
		"flat": pack(t, files), "below a folder": pack(t, below),
		"tar": tarred(t, file("./SKILL.md", files["SKILL.md"]), file("./scripts/run.sh", files["scripts/run.sh"])),
	} {
		p, problems, err := skill.Unpack(t.Context(), packed, t.TempDir())
		ok(t, err)
		ok(t, problems.Err())
		if len(p.Files) != 2 || p.Files[0].Exec || !p.Files[1].Exec || p.Name != "csv" {
			t.Errorf("%s: %+v", name, p)
		}
		digests = append(digests, p.Digest)
	}
	if digests[0] != digests[1] || digests[1] != digests[2] {
		t.Errorf("%v", digests)
	}
}

func TestReadAdvises(t *testing.T) {
	t.Parallel()
	body := "See [more](references/more.md), [none](references/none.md), [them](references), [web](https://example.org/x) and [part](#part).\n"
	p, problems, err := skill.Read(fstest.MapFS{"SKILL.md": {Data: []byte(text("csv", body))}, "references/more.md": {Data: []byte("x")}}, "csv")
	ok(t, err)
	if p == nil || len(problems) != 1 || !problems[0].Warning || !strings.Contains(problems[0].Msg, "references/none.md") {
		t.Errorf("%v", problems)
	}
	_, problems, err = skill.Read(fstest.MapFS{"SKILL.md": {Data: []byte(text("csv", strings.Repeat("x\n", 600)))}}, "csv")
	ok(t, err)
	if len(problems) != 1 || !strings.Contains(problems[0].Msg, "500 lines") {
		t.Errorf("%v", problems)
	}
}
