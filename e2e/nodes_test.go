package e2e

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// member is a node of an installation whose nodes reach each other.
type member struct {
	data
	*server
	address string
}

// join starts a node with a certificate of the authority in folder.
func (in *installation) join(t *testing.T, folder, name string) *member {
	t.Helper()
	made := lines[cli.IssuedNode](t, data{t: t, dir: t.TempDir(), env: cleanEnv()}.does("node", "issue", name, "--host", "127.0.0.1", "--dir", folder, "--json"))[0]
	m := &member{address: freeAddress(t)}
	m.data = data{t: t, dir: t.TempDir(), env: append(slices.Clone(in.env),
		"ISEKAI_NODES_LISTEN="+m.address, "ISEKAI_NODES_ADDRESS="+m.address,
		"ISEKAI_NODES_CA_FILE="+made.CAFile, "ISEKAI_NODES_CERT_FILE="+made.CertFile, "ISEKAI_NODES_KEY_FILE="+made.KeyFile)}
	m.start()
	return m
}

func (m *member) start() {
	m.data.t.Helper()
	m.server = serve(m.data.t, m.data.dir, m.data.env)
}

// name is what the node is called where its apps are at home.
func (m *member) name() string {
	m.data.t.Helper()
	b, err := os.ReadFile(filepath.Join(m.data.dir, "node"))
	if err != nil {
		m.data.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// has reports whether the node has a data folder of the app.
func (m *member) has(id core.AppID) bool {
	m.data.t.Helper()
	all, err := filepath.Glob(filepath.Join(m.data.dir, "apps", "*", string(id), "data"))
	if err != nil {
		m.data.t.Fatal(err)
	}
	return len(all) > 0
}

// visit returns the app as a visitor of this node reaches it.
func (m *member) visit(name string) *preview {
	m.data.t.Helper()
	return previewAt(m.data.t, strings.Replace(m.server.url, "127.0.0.1", name+".localhost", 1))
}

// freeAddress is one where nobody listened a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// books are the titles that an app lists.
func (p *preview) books() (titles []string) {
	p.t.Helper()
	items, _ := p.must(http.StatusOK, "GET", "/api/books", nil).json["items"].([]any)
	for _, item := range items {
		book, _ := item.(map[string]any)
		title, _ := book["title"].(string)
		titles = append(titles, title)
	}
	return titles
}

// An app has one home. It is used, changed, stopped and looked into at another node as at
// its own; when its home is killed the other says so, and begins nothing; when that is
// back, so is the data.
func TestAnAppHasOneHome(t *testing.T) {
	t.Parallel()
	in, folder := install(t, on{kafka: true}), filepath.Join(t.TempDir(), "nodes")
	a := in.join(t, folder, "node-a")
	a.does("run", "a reading list with title and author")
	shelf := a.listed(1)
	a.visit(shelf.Name).must(http.StatusCreated, "POST", "/api/books", map[string]any{"title": "Momo"})

	b := in.join(t, folder, "node-b")
	if doctor := b.does("doctor"); !strings.Contains(doctor, "the others can be reached") || !strings.Contains(doctor, "node certificate") {
		t.Errorf("the doctor says\n%s", doctor)
	}
	there := b.visit(shelf.Name)
	there.must(http.StatusCreated, "POST", "/api/books", map[string]any{"title": "Krabat"})
	if here, elsewhere := a.visit(shelf.Name).books(), there.books(); !slices.Equal(here, elsewhere) || !slices.Contains(here, "Momo") || !slices.Contains(here, "Krabat") {
		t.Errorf("at its home there are %q, elsewhere %q", here, elsewhere)
	}
	if said := b.does("app", "logs", shelf.Name); said == "" || said != a.does("app", "logs", shelf.Name) {
		t.Errorf("b says that it logged %q", said)
	}
	b.follows(t, shelf.ID)
	b.does("app", "change", "--exit", shelf.Name, "add a rating from 1 to 5")
	b.does("app", "start", shelf.Name)
	there.must(http.StatusCreated, "POST", "/api/books", map[string]any{"title": "Ronja", "rating": 5})
	if titles := a.visit(shelf.Name).books(); len(titles) != 3 {
		t.Errorf("after a change there are %q", titles)
	}
	b.does("app", "rollback", shelf.Name, "1")
	b.does("app", "stop", shelf.Name)
	for node, m := range map[string]*member{"a": a, "b": b} {
		if r := m.visit(shelf.Name).do("GET", "/", nil); r.status != http.StatusServiceUnavailable || !strings.Contains(r.text, "is stopped") {
			t.Errorf("stopped, at %s: %d %s", node, r.status, r.text)
		}
	}
	b.does("app", "start", shelf.Name)
	there.must(http.StatusOK, "GET", "/", nil)

	a.kill()
	b.misses(t, a, shelf)
	a.start()
	until(t, func() bool { return there.do("GET", "/api/books", nil).status == http.StatusOK }, func() string { return a.errs.String() + b.errs.String() })
	if titles := there.books(); len(titles) != 3 {
		t.Errorf("when its home is back there are %q", titles)
	}
	if b.has(shelf.ID) {
		t.Error("b has a data folder, too")
	}
	b.does("app", "delete", "--yes", shelf.Name)
	if a.has(shelf.ID) {
		t.Error("the data of an app that was deleted stays")
	}
}

// follows reads an app's log at this node while the app starts anew.
func (m *member) follows(t *testing.T, id core.AppID) {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), patience)
	defer done()
	starts := 0
	for l, err := range m.Logs(ctx, id, true) {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(l.Text, "version 1 starts") {
			continue
		}
		if starts++; starts == 2 {
			return
		}
		if _, err := m.StopApp(ctx, id); err != nil {
			t.Fatal(err)
		}
		if _, err := m.StartApp(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	t.Error("the log ends")
}

// misses checks what this node says of an app whose home was killed.
func (m *member) misses(t *testing.T, home *member, shelf client.App) {
	t.Helper()
	page := m.visit(shelf.Name).do("GET", "/", nil)
	if page.status != http.StatusServiceUnavailable || !strings.Contains(page.text, home.name()) || page.header.Get("Retry-After") == "" {
		t.Errorf("a visitor gets %d %s", page.status, page.text)
	}
	for _, args := range [][]string{{"app", "start"}, {"app", "stop"}, {"app", "logs"}, {"app", "delete", "--yes"}} {
		began := time.Now()
		r := m.run(append(args, "--json", shelf.Name)...)
		if f := failure(t, r); f.Code != core.Unavailable || !strings.Contains(f.Msg+f.Hint, home.name()) || !strings.Contains(f.Hint, "--move") {
			t.Errorf("%q: %+v", args, f)
		}
		within(t, "an answer without the home", time.Since(began), 10*time.Second)
	}
	if m.has(shelf.ID) {
		t.Error("an empty data folder was begun")
	}
}

// An app whose home is lost moves when an admin says so, and begins anew; the node that
// had it is told when it is back.
func TestAnAppMovesWithoutItsData(t *testing.T) {
	t.Parallel()
	in, folder := install(t, on{}), filepath.Join(t.TempDir(), "nodes")
	a := in.join(t, folder, "node-a")
	a.does("run", "a reading list with title and author")
	shelf := a.listed(1)
	a.visit(shelf.Name).must(http.StatusCreated, "POST", "/api/books", map[string]any{"title": "Momo"})
	b := in.join(t, folder, "node-b")
	a.kill()
	r := b.run("app", "start", "--move", shelf.Name)
	if r.code != 0 || !strings.Contains(r.err, "stays there") {
		t.Fatalf("%d %s%s", r.code, r.out, r.err)
	}
	b.visit(shelf.Name).must(http.StatusCreated, "POST", "/api/books", map[string]any{"title": "Krabat"})
	a.start()
	if here, elsewhere := a.visit(shelf.Name).books(), b.visit(shelf.Name).books(); !slices.Equal(here, []string{"Krabat"}) || !slices.Equal(elsewhere, here) {
		t.Errorf("at its old home there are %q, at its new one %q", here, elsewhere)
	}
	if !a.has(shelf.ID) {
		t.Error("the data at its old home is gone")
	}
}

// Nodes that don't reach each other say so, and how they would. A node that is the home
// goes on.
func TestNodesThatDontReachEachOther(t *testing.T) {
	t.Parallel()
	in := install(t, on{})
	a := in.node(t)
	at := in.at(t, a.dir)
	at.does("run", "a reading list with title and author")
	shelf := at.listed(1)
	b := in.node(t)
	elsewhere := in.at(t, b.dir)
	for _, args := range [][]string{{"app", "start"}, {"app", "stop"}, {"app", "logs"}} {
		if f := failure(t, elsewhere.run(append(args, "--json", shelf.Name)...)); f.Code != core.Unavailable || !strings.Contains(f.Hint, "nodes.listen") {
			t.Errorf("%q: %+v", args, f)
		}
	}
	page := previewAt(t, strings.Replace(b.url, "127.0.0.1", shelf.Name+".localhost", 1)).do("GET", "/", nil)
	if page.status != http.StatusServiceUnavailable || !strings.Contains(page.text, "can't be reached") && !strings.Contains(page.text, "can&#39;t be reached") {
		t.Errorf("a visitor gets %d %s", page.status, page.text)
	}
	at.does("app", "stop", shelf.Name)
	at.does("app", "start", shelf.Name)
	// A node that is no more and whose data directory is starts as the same.
	a.stop(t)
	again := serve(t, a.dir, in.env)
	if url := strings.TrimSpace(in.at(t, again.dir).does("app", "start", shelf.Name)); !strings.Contains(url, shelf.Name) {
		t.Errorf("%q", url)
	}
}
