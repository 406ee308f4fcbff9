package coder

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

const (
	maxText  = 1 << 20  // bytes of a file that a patch looks into
	maxKept  = 64 << 20 // bytes of all such files; with more, changes are named and not shown
	maxPatch = 12 << 10 // bytes of what is shown of a patch
	maxSaid  = 8 << 10  // bytes of what is shown of what the agent said: its end
)

// tree is a workspace at a time.
type tree struct {
	gitdir.Tree
	bytes map[string][]byte // of files of at most maxText bytes
	whole bool              // bytes holds all of those
}

// look reads a workspace, but for what nobody wrote by hand: see tool.Walk.
func look(ctx context.Context, root *os.Root) (tree, error) {
	t := tree{Tree: gitdir.Tree{Files: map[string]gitdir.File{}}, bytes: map[string][]byte{}, whole: true}
	left := maxKept
	cut, err := tool.Walk{}.Files(ctx, root, func(name string, _ fs.DirEntry) bool {
		f, b, ok := read(root, name)
		if !ok { // it can't be read, or has just gone
			return true
		}
		t.Files[name] = f
		if left -= len(b); left >= 0 {
			t.bytes[name] = b
		} else {
			t.whole = false
		}
		return true
	})
	t.whole = t.whole && !cut
	return t, err
}

// read returns a regular file, and its bytes if they are few.
func read(root *os.Root, name string) (gitdir.File, []byte, bool) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return gitdir.File{}, nil, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return gitdir.File{}, nil, false
	}
	sum := sha256.New()
	var text bytes.Buffer
	to := io.Writer(sum)
	if info.Size() <= maxText {
		to = io.MultiWriter(sum, &text)
	}
	size, err := io.Copy(to, f)
	return gitdir.File{Hash: hex.EncodeToString(sum.Sum(nil)), Size: size, Exec: info.Mode()&0o111 != 0}, text.Bytes(), err == nil
}

// changed is what an agent has done to the files.
type changed struct {
	list  []gitdir.Change
	patch string
	whole bool     // patch holds all of list
	shown []string // files in which it had left a credential
}

// changes compares, after it has taken credentials out of what the agent wrote.
func (r *run) changes(ctx context.Context, root *os.Root, before tree) (changed, error) {
	after, err := look(ctx, root)
	if err != nil {
		return changed{}, err
	}
	done := changed{list: gitdir.Changes(before.Tree, after.Tree)}
	for _, c := range done.list {
		b, ok := after.bytes[c.Path]
		clean := r.hide.in(string(b))
		if !ok || clean == string(b) {
			continue
		}
		if err := rewrite(root, c.Path, clean); err != nil {
			return changed{}, err
		}
		done.shown = append(done.shown, c.Path)
		after.bytes[c.Path] = []byte(clean)
	}
	if !before.whole || !after.whole {
		return done, nil
	}
	get := func(t tree) func(gitdir.File, string) ([]byte, error) {
		return func(_ gitdir.File, name string) ([]byte, error) { return t.bytes[name], nil }
	}
	done.patch, done.whole, err = gitdir.Patch(before.Tree, after.Tree, done.list, maxPatch, get(before), get(after))
	return done, err
}

func rewrite(root *os.Root, name, text string) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return tool.FileError(name, err)
	}
	_, err = io.WriteString(f, text)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return tool.FileError(name, err)
	}
	return nil
}

// outcome is a Result's Data.
type outcome struct {
	Agent   string          `json:"agent"`
	Code    int             `json:"code"`
	Reason  sandbox.Reason  `json:"reason"`
	Changes []gitdir.Change `json:"changes"`
	Network []sandbox.Reach `json:"network,omitempty"`
}

func (r *run) result(exit sandbox.Exit, said string, done changed, network []sandbox.Reach) tool.Result {
	how := fmt.Sprintf("exit code %d", exit.Code)
	if exit.Reason != sandbox.Exited {
		how = "ended: " + string(exit.Reason)
		if exit.Reason == sandbox.TimedOut {
			how = "killed: it took longer than " + r.timeout.String()
		}
	}
	said = tool.Clean(said)
	var b strings.Builder
	b.WriteString(tool.Tail(said, maxSaid))
	fmt.Fprintf(&b, "\n[%s: %s; %s]\n", r.agent.Name, how, sandbox.Network(network))
	if len(done.shown) > 0 {
		fmt.Fprintf(&b, "[it had written a credential to %s: that is taken out]\n", strings.Join(first(done.shown), ", "))
	}
	b.WriteString(done.text())
	data, _ := json.Marshal(outcome{r.agent.Name, exit.Code, exit.Reason, done.list, network}) // plain values
	e := core.Evidence{Kind: "exit", OK: exit.OK(), Text: fmt.Sprintf("%s: %s, %d files changed", r.agent.Name, how, len(done.list))}
	if !e.OK {
		e.Detail = tool.Tail(said, core.MaxInline)
	}
	return tool.Result{Output: b.String(), Failed: !e.OK, Evidence: &e, Data: data}
}

// text is what a model is shown of changes.
func (c changed) text() string {
	if len(c.list) == 0 {
		return "[it changed no file]"
	}
	if c.whole {
		return c.patch
	}
	var all []string
	for _, one := range c.list {
		all = append(all, one.Kind+" "+one.Path)
	}
	return c.patch + fmt.Sprintf("[%d files changed, not all of them shown above: %s]", len(all), strings.Join(first(all), ", "))
}

// first bounds a list that is shown.
func first(all []string) []string {
	const most = 50
	if len(all) > most {
		return append(all[:most:most], fmt.Sprintf("and %d more", len(all)-most))
	}
	return all
}

// hider takes credentials out of what an agent leaves.
type hider struct{ replacer *strings.Replacer }

func newHider(secrets []string) hider {
	var pairs []string
	for _, s := range secrets {
		quoted, _ := json.Marshal(s) // of a string: it never fails
		for _, form := range []string{strings.Trim(string(quoted), `"`), s, base64.StdEncoding.EncodeToString([]byte(s))} {
			if len(form) > 2 {
				pairs = append(pairs, form, "[credential]")
			}
		}
	}
	return hider{strings.NewReplacer(pairs...)}
}

func (h hider) in(s string) string { return h.replacer.Replace(s) }
