package e2e

import (
	"archive/zip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// A change keeps the entries; what it drops is there again after a roll back.
func TestChangeKeepsData(t *testing.T) {
	t.Parallel()
	t.Run("adds and drops", func(t *testing.T) {
		t.Parallel()
		addsAndDrops(t)
	})
	t.Run("renames", func(t *testing.T) {
		t.Parallel()
		renames(t)
	})
	t.Run("adds a feature", func(t *testing.T) {
		t.Parallel()
		addsAFeature(t)
	})
}

func addsAndDrops(t *testing.T) {
	c := makeApp(t, "a reading list with title, author, pages, a finished flag and a rating from 1 to 5")
	p := previewAt(t, c.app.URL)
	before := map[string]any{"title": "Momo", "author": "Michael Ende", "pages": 280, "finished": true, "rating": 4}
	p.must(http.StatusCreated, "POST", "/api/books", before)

	c.change("add a due date and drop the rating")
	c.is(2, 2)
	two := p.must(http.StatusOK, "GET", "/api/books/1", nil)
	two.wants(t, map[string]any{"title": "Momo", "author": "Michael Ende", "pages": 280, "finished": true, "due_date": nil})
	if _, ok := two.json["rating"]; ok {
		t.Errorf("version 2 still has the rating: %s", two.text)
	}
	p.must(http.StatusOK, "PUT", "/api/books/1", with(before, map[string]any{"due_date": "2026-03-01", "rating": nil})).
		wants(t, map[string]any{"due_date": "2026-03-01"})

	c.showsVersions(p)

	c.does("rollback", "1")
	c.is(1, 2)
	p.must(http.StatusOK, "GET", "/api/books/1", nil).wants(t, before)
	p.must(http.StatusCreated, "POST", "/api/books", map[string]any{"title": "Between", "rating": 1})
	c.does("rollback", "2")
	c.is(2, 2)
	p.must(http.StatusOK, "GET", "/api/books/1", nil).wants(t, map[string]any{"title": "Momo", "due_date": "2026-03-01"})
	p.must(http.StatusOK, "GET", "/api/books/2", nil).wants(t, map[string]any{"title": "Between", "due_date": nil})

	c.staysAfter("frobnicate the quux", "frobnicate")
	p.must(http.StatusOK, "GET", "/api/books/1", nil).wants(t, map[string]any{"title": "Momo"})
	if r := c.run("rollback", "7"); r.code != 3 || r.err == "" {
		t.Errorf("a roll back to a version that isn't there: exit code %d: %s", r.code, r.err)
	}
	c.is(2, 2)
}

// showsVersions checks what there is to see of two versions.
func (c *changing) showsVersions(p *preview) {
	c.t.Helper()
	versions := lines[[]client.Version](c.t, c.does("versions", "--json"))[0]
	if len(versions) != 2 || versions[1].Parent != 1 || versions[1].Prompt != "add a due date and drop the rating" || versions[1].Tests.Passed == 0 {
		c.t.Errorf("the versions are %+v", versions)
	}
	if out := c.does("versions"); !strings.Contains(out, "*  2") || strings.Contains(out, "*  1") {
		c.t.Errorf("the current version isn't marked:\n%s", out)
	}
	if out := c.does("show"); !strings.Contains(out, "2 of 2") || !strings.Contains(out, p.url) {
		c.t.Errorf("app show says\n%s", out)
	}
	if out := c.does("diff"); !strings.Contains(out, `+          "name": "due_date"`) || !strings.Contains(out, "modified "+spec.Name) {
		c.t.Errorf("app diff says\n%s", out)
	}
	if out := c.does("diff", "2", "1"); !strings.Contains(out, `-          "name": "due_date"`) {
		c.t.Errorf("the diff the other way says\n%s", out)
	}
	if out := c.does("files"); !strings.Contains(out, "server.py") || !strings.Contains(out, "static/index.html") {
		c.t.Errorf("app files says\n%s", out)
	}
	one, two := c.does("files", spec.Name, "--version", "1"), c.does("files", spec.Name)
	if strings.Contains(one, "due_date") || !strings.Contains(two, "due_date") {
		c.t.Error("a file isn't that of its version")
	}
	c.exports()
}

// exports writes an archive and compares it with the version's files.
func (c *changing) exports() {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), "app.zip")
	c.does("export", "--output", path, "--version", "1")
	z, err := zip.OpenReader(path)
	if err != nil {
		c.t.Fatal(err)
	}
	defer z.Close()
	files, err := c.Files(c.t.Context(), c.app.ID, 1)
	if err != nil {
		c.t.Fatal(err)
	}
	found := 0
	for _, f := range files {
		var want strings.Builder
		if err := c.ReadFile(c.t.Context(), c.app.ID, 1, f.Path, &want); err != nil {
			c.t.Fatal(err)
		}
		for _, entry := range z.File {
			if entry.Name != f.Path && !strings.HasSuffix(entry.Name, "/"+f.Path) {
				continue
			}
			r, err := entry.Open()
			if err != nil {
				c.t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			r.Close()
			if err != nil || string(got) != want.String() {
				c.t.Errorf("%s in the archive differs: %v", f.Path, err)
			}
			found++
			break
		}
	}
	if found != len(files) || found < 10 {
		c.t.Errorf("%d of %d files are in the archive", found, len(files))
	}
	tar := filepath.Join(filepath.Dir(path), "app.tar.gz")
	c.does("export", "--output", tar)
	if b, err := os.ReadFile(tar); err != nil || len(b) < 3 || b[0] != 0x1f || b[1] != 0x8b {
		c.t.Errorf("the other archive isn't gzip: %v", err)
	}
}

// staysAfter asks for a change that can't be made and sees the app untouched.
func (c *changing) staysAfter(prompt string, word string) {
	c.t.Helper()
	was := c.now()
	r := c.run("change", "--json", prompt)
	f := failure(c.t, r)
	if r.code != 2 || f.Code != core.Invalid || !strings.Contains(f.Msg, word) || f.Hint == "" {
		c.t.Errorf("%q: exit code %d, %+v", prompt, r.code, f)
	}
	all := lines[json.RawMessage](c.t, r.out)
	var last lastLine
	if err := json.Unmarshal(all[len(all)-1], &last); err != nil || last.Task.Status != core.StatusFailed {
		c.t.Errorf("%q: the last line is %s", prompt, all[len(all)-1])
	}
	if now := c.now(); now.Version != was.Version || now.Versions != was.Versions || now.Status != was.Status || now.URL != was.URL {
		c.t.Errorf("%q: the app was %+v, is %+v", prompt, was.App, now.App)
	}
}

func renames(t *testing.T) {
	c := makeApp(t, "track invoices: client, amount in euros, due date, paid or not, with totals per client")
	p := previewAt(t, c.app.URL)
	p.must(http.StatusCreated, "POST", "/api/invoices", map[string]any{"client": "Acme", "amount": 12.5, "due_date": "2026-01-31", "paid": true})
	c.change("rename client to customer")
	c.is(2, 2)
	p.must(http.StatusOK, "GET", "/api/invoices/1", nil).
		wants(t, map[string]any{"customer": "Acme", "amount": 12.5, "due_date": "2026-01-31", "paid": true})
	p.refuses("/api/invoices", map[string]any{"amount": 1}, "customer")
	p.must(http.StatusCreated, "POST", "/api/invoices", map[string]any{"customer": "Globex", "amount": 2})
	p.must(http.StatusOK, "GET", "/api/invoices/totals", nil).wants(t, map[string]any{"totals": []any{
		map[string]any{"field": "amount", "by": "customer", "groups": []any{
			map[string]any{"label": "Acme", "total": 12.5}, map[string]any{"label": "Globex", "total": 2},
		}},
	}})
	c.does("rollback", "1")
	p.must(http.StatusOK, "GET", "/api/invoices/2", nil).wants(t, map[string]any{"client": "Globex"})
	c.does("rollback", "2")

	// What it suggests itself, it can do.
	ideas := c.now().Selected.Suggestions
	if len(ideas) == 0 {
		t.Fatal("version 2 suggests nothing")
	}
	after := c.change(ideas[0])
	c.is(3, 3)
	if after.Selected.Prompt != ideas[0] || slices.Contains(after.Selected.Suggestions, ideas[0]) {
		t.Errorf("after %q it suggests %q", ideas[0], after.Selected.Suggestions)
	}
	p.must(http.StatusOK, "GET", "/api/invoices/1", nil).wants(t, map[string]any{"customer": "Acme"})
}

// Without a server the command itself opens the data directory; the app's data
// is the same.
func addsAFeature(t *testing.T) {
	c := makeApp(t, "recipes with ingredients as tags, minutes and a link")
	p := previewAt(t, c.app.URL)
	pancakes := map[string]any{"title": "Pancakes", "ingredients": []string{"flour", "milk"}, "minutes": 20, "link": "https://example.com/p"}
	p.must(http.StatusCreated, "POST", "/api/recipes", pancakes)
	c.stop(t)

	last, answered := timeline(t, c.does("change", "--exit", "--json", "add a chart of minutes per title"))
	if !answered || !last.Stopped || last.App.Version != 2 {
		t.Fatalf("it ended with %+v", last)
	}
	s := serve(t, c.dir, c.env)
	a, err := s.StartApp(t.Context(), c.app.ID)
	if err != nil {
		t.Fatal(err)
	}
	if b := blueprint(t, s, a.ID, 0); b.Entities[0].Features.Chart == nil {
		t.Error("version 2 has no chart")
	}
	previewAt(t, a.URL).must(http.StatusOK, "GET", "/api/recipes/1", nil).wants(t, pancakes)
	tab := browse(t, a.URL+"/#recipes/totals")
	tab.until(`document.querySelectorAll(".chart rect").length === 1`)
}
