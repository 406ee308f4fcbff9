package gitdir_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

func marshal(s ssh.Signer) string { return string(ssh.MarshalAuthorizedKey(s.PublicKey())) }

// object writes an object of any content, as git itself wouldn't, and returns its hash.
func object(t testing.TB, bare, kind string, content []byte) string {
	t.Helper()
	c := exec.Command("git", "hash-object", "-w", "-t", kind, "--literally", "--stdin")
	c.Dir, c.Stdin = bare, bytes.NewReader(content)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// entry is one of a tree, raw.
func entry(mode, name, hash string) []byte {
	b, err := hex.DecodeString(hash)
	if err != nil {
		panic(err)
	}
	return append([]byte(mode+" "+name+"\x00"), b...)
}

// TestHostileTrees are refused whole, and nothing of them is written.
func TestHostileTrees(t *testing.T) {
	t.Parallel()
	host := upstream(t, map[string]string{"a": "1"})
	bare := filepath.Join(host, "team/project.git")
	blob := object(t, bare, "blob", []byte("evil"))
	link := object(t, bare, "blob", []byte("/etc"))
	inner := object(t, bare, "tree", entry("100644", "config", blob))
	deep := inner
	for range 100 {
		deep = object(t, bare, "tree", entry("40000", "d", deep))
	}
	wide := blob
	mode := "100644"
	for range 8 { // 8^8 files, of few objects
		var entries []byte
		for i := range 8 {
			entries = append(entries, entry(mode, fmt.Sprintf("e%d", i), wide)...)
		}
		wide, mode = object(t, bare, "tree", entries), "40000"
	}
	for name, tt := range map[string]struct {
		tree []byte
		code core.Code
	}{
		".git":                    {entry("40000", ".git", inner), core.Invalid},
		"capital .GIT":            {entry("40000", ".GiT", inner), core.Invalid},
		".git with a dot":         {entry("40000", ".git.", inner), core.Invalid},
		"NTFS stream":             {entry("40000", ".git::$INDEX_ALLOCATION", inner), core.Invalid},
		"short name":              {entry("40000", "GIT~1", inner), core.Invalid},
		"ignorable":               {entry("40000", ".g\u200cit", inner), core.Invalid},
		"file .git":               {entry("100644", ".git", blob), core.Invalid},
		"up":                      {entry("40000", "..", inner), core.Invalid},
		"here":                    {entry("40000", ".", inner), core.Invalid},
		"slash":                   {entry("100644", "../../evil", blob), core.Invalid},
		"absolute":                {entry("100644", "/tmp/evil", blob), core.Invalid},
		"empty":                   {entry("100644", "", blob), core.Invalid},
		"twice":                   {append(entry("120000", "a", link), entry("40000", "a", inner)...), core.Invalid},
		"deep":                    {entry("40000", "d", deep), core.Exhausted},
		"wide":                    {entry("40000", "w", wide), core.Exhausted},
		"a file that isn't there": {entry("100644", "x", strings.Repeat("1", 40)), core.NotFound},
	} {
		tree := object(t, bare, "tree", tt.tree)
		commit := object(t, bare, "commit", []byte("tree "+tree+"\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nx\n"))
		d := open(t, gitdir.Limits{})
		// The objects come by the folder itself: not every server sends such a thing.
		git(t, host, "-c", "safe.bareRepository=all", "-C", bare, "update-ref", "refs/heads/evil", commit)
		copyObjects(t, bare, d)
		_, err := d.Tree(t.Context(), commit)
		if core.CodeOf(err) != tt.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// copyObjects gives a Dir all objects of a repository, as a server's pack would.
func copyObjects(t testing.TB, bare string, d *gitdir.Dir) {
	t.Helper()
	if err := os.CopyFS(filepath.Join(gitdir.PathOf(d), "objects"), os.DirFS(filepath.Join(bare, "objects"))); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsLeftAlone: links, submodules, odd names and what LFS keeps are named, not written,
// and each commit keeps them.
func TestWhatIsLeftAlone(t *testing.T) {
	t.Parallel()
	host := upstream(t, map[string]string{"a": "1", "big.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", ".gitattributes": "*.bin filter=lfs\na filter=evil\n", ".lfsconfig": "[lfs]\nurl=http://169.254.169.254\n"})
	bare := filepath.Join(host, "team/project.git")
	blob := object(t, bare, "blob", []byte("/etc/passwd"))
	base := git(t, bare, "rev-parse", "main")
	work := t.TempDir()
	git(t, work, "clone", "-q", bare, ".")
	git(t, work, "update-index", "--add", "--cacheinfo", "120000,"+blob+",out")
	git(t, work, "update-index", "--add", "--cacheinfo", "160000,"+base+",vendor/sub")
	git(t, work, "update-index", "--add", "--cacheinfo", "100644,"+git(t, work, "rev-parse", "HEAD:a")+",odd\\name")
	git(t, work, "-c", "core.fsmonitor=false", "commit", "-qm", "odd")
	git(t, work, "push", "-q", "origin", "main")
	d, remote := open(t, gitdir.Limits{}), overHTTP(t, host)
	got := must(d.Fetch(t.Context(), remote, ""))(t)
	before := must(d.Tree(t.Context(), got.Commit))(t)
	if left := strings.Join(before.Left(), ", "); left != `odd\name (name), out (link), vendor/sub (submodule)` {
		t.Error(left)
	}
	dir, root := workspace(t)
	lfs := must(d.Put(t.Context(), root, gitdir.Tree{}, before))(t)
	if strings.Join(lfs, " ") != "big.bin" {
		t.Errorf("LFS: %v", lfs)
	}
	for _, name := range []string{"out", "vendor", `odd\name`} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	fill(t, dir, map[string]string{"a": "2"})
	commit := must(d.Commit(must(d.Scan(t.Context(), root, before, nil, true))(t), me, "x", got.Commit))(t)
	if _, err := d.Push(t.Context(), remote, "kept", commit); err != nil {
		t.Fatal(err)
	}
	if got := git(t, bare, "diff", "--name-status", "main", "kept"); got != "M\ta" {
		t.Error(got)
	}
}

// TestLinksInTheWorkspace lead nowhere: neither what is written nor what is read follows them.
func TestLinksInTheWorkspace(t *testing.T) {
	t.Parallel()
	host := upstream(t, map[string]string{"dir/a": "1", "b": "2"})
	d, remote := open(t, gitdir.Limits{}), overHTTP(t, host)
	got := must(d.Fetch(t.Context(), remote, ""))(t)
	tree := must(d.Tree(t.Context(), got.Commit))(t)
	dir, root := workspace(t)
	outside := t.TempDir()
	fill(t, outside, map[string]string{"a": "canary", "b": "canary"})
	fill(t, dir, map[string]string{"inside/x": "1"})
	for name, target := range map[string]string{"dir": outside, "b": filepath.Join(outside, "b")} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Put(t.Context(), root, gitdir.Tree{}, tree); core.CodeOf(err) != core.Conflict {
		t.Errorf("%v", err)
	}
	now := must(d.Scan(t.Context(), root, tree, nil, true))(t)
	if _, there := now.Files["b"]; there {
		if b, _ := d.Blob(now.Files["b"].Hash, 100); string(b) == "canary" {
			t.Error("a link was read")
		}
	}
	if b, _ := os.ReadFile(filepath.Join(outside, "a")); string(b) != "canary" {
		t.Error("a link was followed")
	}
}

// pack makes one of objects that say they have a size.
func pack(objects ...[]byte) []byte {
	var b bytes.Buffer
	b.WriteString("PACK")
	_ = binary.Write(&b, binary.BigEndian, uint32(2))
	_ = binary.Write(&b, binary.BigEndian, uint32(len(objects)))
	for _, o := range objects {
		b.Write(o)
	}
	sum := sha1.Sum(b.Bytes())
	return append(b.Bytes(), sum[:]...)
}

// packed is one object: its kind (1 commit, 3 blob, 7 delta), what size it says, and its bytes.
func packed(kind byte, says int, prefix, content []byte) []byte {
	var b bytes.Buffer
	first := kind<<4 | byte(says&15)
	rest := says >> 4
	for ; rest > 0; rest >>= 7 {
		b.WriteByte(first | 0x80)
		first = byte(rest & 127)
	}
	b.WriteByte(first)
	b.Write(prefix)
	z := zlib.NewWriter(&b)
	_, _ = z.Write(content)
	_ = z.Close()
	return b.Bytes()
}

// TestBombs end at the limits, before they are unpacked.
func TestBombs(t *testing.T) {
	t.Parallel()
	zeros := make([]byte, 32<<20)
	base := sha1.Sum([]byte("blob 1\x00a"))
	delta := append(binary.AppendUvarint(binary.AppendUvarint(nil, 1), 1<<40), 0x90, 1)
	line := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
	commit := strings.Repeat("1", 40)
	for name, tt := range map[string]struct {
		pack []byte
		code core.Code
	}{
		"says little, is much":  {pack(packed(3, 10, nil, zeros)), core.Invalid},
		"says much":             {pack(packed(3, 1<<30, nil, []byte("x"))), core.Exhausted},
		"many":                  {pack(bytes.Split(bytes.Repeat(append(packed(3, 8<<20, nil, zeros[:8<<20]), '|', '|', '|', '|'), 3), []byte("||||"))[:3]...), core.Exhausted},
		"a delta of a tebibyte": {pack(packed(3, 1, nil, []byte("a")), packed(7, len(delta), base[:], delta)), core.Exhausted},
		"more than there is":    {pack()[:10], core.Invalid},
		"not a pack":            {[]byte("PACKPACKPACK"), core.Invalid},
		"not what was asked":    {pack(packed(3, 1, nil, []byte("a"))), core.Invalid},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
				_, _ = w.Write([]byte(line("# service=git-upload-pack\n") + "0000" + line(commit+" HEAD\x00symref=HEAD:refs/heads/main agent=x\n") + line(commit+" refs/heads/main\n") + "0000"))
				return
			}
			w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
			_, _ = w.Write(append([]byte(line("NAK\n")), tt.pack...))
		}))
		d := open(t, gitdir.Limits{Pack: 1 << 20, Objects: 1000, Object: 16 << 20, Bytes: 20 << 20, Files: 100, Commits: 5})
		_, err := d.Fetch(t.Context(), gitdir.Remote{URL: parse(t, s.URL+"/x"), Client: s.Client()}, "main")
		s.Close()
		if core.CodeOf(err) != tt.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}
