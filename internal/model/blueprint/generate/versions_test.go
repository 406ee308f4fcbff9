package generate

import (
	"slices"
	"testing"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// Two versions of an app on the same data, to and fro: nothing is lost.
func TestVersionsShareTheirData(t *testing.T) {
	t.Parallel()
	onBoth(t, readingList(), func(t *testing.T, first spec.App) {
		second := changed(first)
		data := t.TempDir()

		app := start(t, write(t, first), data)
		app.must(201, "POST", "/api/books", map[string]any{"title": "Emma", "author": "Austen", "pages": 474, "rating": 5})
		app.stop()

		app = start(t, write(t, second), data)
		entry := app.must(200, "GET", "/api/books/1", nil).json
		if entry["writer"] != "Austen" || entry["due"] != nil || entry["price"] != nil || entry["pages"] != "474" {
			t.Errorf("in version 2: %v", entry)
		}
		if _, there := entry["rating"]; there {
			t.Errorf("version 2 shows what it dropped: %v", entry)
		}
		app.must(422, "PUT", "/api/books/1", map[string]any{"title": "Emma"})
		shelf := app.must(201, "POST", "/api/shelves", map[string]any{"name": "Blue"}).json["id"]
		app.must(200, "PUT", "/api/books/1", map[string]any{"title": "Emma!", "writer": "Jane Austen", "due": "2026-05-01", "price": 9.99, "pages": "475", "shelf": shelf})
		app.must(201, "POST", "/api/books", map[string]any{"title": "New", "due": "2026-05-02", "pages": "many"})
		app.stop()

		app = start(t, write(t, first), data)
		entry = app.must(200, "GET", "/api/books/1", nil).json
		if entry["title"] != "Emma!" || entry["author"] != "Jane Austen" || entry["rating"] != 5.0 || entry["pages"] != 475.0 {
			t.Errorf("back in version 1: %v", entry)
		}
		if entry = app.must(200, "GET", "/api/books/2", nil).json; entry["pages"] != nil {
			t.Errorf("many pages: %v", entry)
		}
		app.must(200, "GET", "/api/books?sort=pages&q=new", nil)
		app.must(201, "POST", "/api/books", map[string]any{"title": "Third"})
		app.stop()

		app = start(t, write(t, second), data)
		entry = app.must(200, "GET", "/api/books/1", nil).json
		if entry["due"] != "2026-05-01" || entry["price"] != 9.99 || entry["shelf_label"] != "Blue" {
			t.Errorf("forward in version 2: %v", entry)
		}
		if entry = app.must(200, "GET", "/api/books/2", nil).json; entry["pages"] != "many" {
			t.Errorf("many pages: %v", entry)
		}
	})
}

// changed renames author to writer, makes pages a text, drops the rating, and
// adds a required date, a price and shelves.
func changed(a spec.App) spec.App {
	a.Entities = slices.Clone(a.Entities)
	e := &a.Entities[0]
	e.Fields = slices.Clone(e.Fields)
	e.Fields[1].Name, e.Fields[1].Label = "writer", "Writer"
	e.Fields[2].Type, e.Fields[2].Min = spec.Text, nil
	e.Removed = e.Fields[4:]
	e.Fields = append(e.Fields[:4:4],
		spec.Field{Column: "due", Name: "due", Label: "Due", Type: spec.Date, Required: true},
		spec.Field{Column: "price", Name: "price", Label: "Price", Type: spec.Money, Currency: "EUR"},
		spec.Field{Column: "shelf", Name: "shelf", Label: "Shelf", Type: spec.BelongsTo, Ref: "shelves"},
	)
	e.Features.Filter = []string{"finished"}
	a.Entities = append(a.Entities, spec.Entity{
		Table: "shelves", Name: "shelf", Plural: "shelves", Slug: "shelves",
		Fields: []spec.Field{{Column: "name", Name: "name", Label: "Name", Type: spec.Text, Required: true}},
	})
	return a
}

// A number that becomes money keeps its amount.
func TestNumbersBecomeMoney(t *testing.T) {
	t.Parallel()
	plain := invoices()
	plain.Entities = slices.Clone(plain.Entities)
	plain.Entities[0].Fields = slices.Clone(plain.Entities[0].Fields)
	plain.Entities[0].Fields[1].Type = spec.Decimal
	onBoth(t, plain, func(t *testing.T, plain spec.App) {
		data := t.TempDir()
		app := start(t, write(t, plain), data)
		app.must(201, "POST", "/api/invoices", map[string]any{"client": "Acme", "amount": 12.35})
		app.stop()
		money := invoices()
		money.Runtime = plain.Runtime
		app = start(t, write(t, money), data)
		if entry := app.must(200, "GET", "/api/invoices/1", nil).json; entry["amount"] != 12.35 {
			t.Errorf("as money: %v", entry)
		}
	})
}

// What the first start creates stays as people left it.
func TestSeedComesOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, lunchPoll(), func(t *testing.T, a spec.App) {
		dir, data := write(t, a), t.TempDir()
		app := start(t, dir, data)
		app.must(200, "POST", "/api/options/1/vote", map[string]any{})
		app.must(204, "DELETE", "/api/options/2", nil)
		app.stop()
		app = start(t, dir, data)
		left := app.must(200, "GET", "/api/options", nil).json
		if left["total"] != 1.0 || left["items"].([]any)[0].(map[string]any)["votes"] != 1.0 {
			t.Errorf("after a restart: %v", left)
		}
	})
}
