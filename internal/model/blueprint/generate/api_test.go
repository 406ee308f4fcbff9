package generate

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// onBoth runs the test on both runtimes, side by side.
func onBoth(t *testing.T, a spec.App, run func(t *testing.T, a spec.App)) {
	t.Helper()
	for _, runtime := range runtimes {
		a.Runtime = runtime
		t.Run(runtime, func(t *testing.T) {
			t.Parallel()
			run(t, a)
		})
	}
}

func TestAnswersAreGuarded(t *testing.T) {
	t.Parallel()
	onBoth(t, invoices(), func(t *testing.T, a spec.App) {
		app := start(t, write(t, a), t.TempDir())
		invoice := map[string]any{"client": "Acme", "amount": 12.5}
		page := app.must(200, "GET", "/", nil)
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; object-src 'none'",
			"X-Content-Type-Options":  "nosniff",
			"Referrer-Policy":         "no-referrer",
			"Content-Type":            "text/html; charset=utf-8",
		} {
			if got := page.header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		app.must(304, "GET", "/", nil, "If-None-Match", page.header.Get("ETag"))
		app.must(200, "HEAD", "/api/invoices", nil)
		app.must(200, "GET", "/favicon.svg", nil)
		for _, path := range []string{"/server.py", "/..%2fserver.py", "/static/app.js", "/api", "/api/", "/api/invoices/", "/api/invoices/x", "/api/invoices/1/vote", "/api/other.csv"} {
			app.must(404, "GET", path, nil)
		}
		if got := app.must(405, "PATCH", "/api/invoices/1", invoice).header.Get("Allow"); got != "GET, PUT, DELETE" {
			t.Errorf("Allow: %q", got)
		}
		if got := app.must(405, "DELETE", "/api/invoices", nil).header.Get("Allow"); got != "GET, POST" {
			t.Errorf("Allow: %q", got)
		}
		app.must(403, "POST", "/api/invoices", invoice, "Sec-Fetch-Site", "same-site")
		app.must(403, "DELETE", "/api/invoices/1", nil, "Origin", "null")
		app.must(201, "POST", "/api/invoices", invoice, "Sec-Fetch-Site", "same-origin", "Origin", "http://elsewhere.example")
		app.must(201, "POST", "/api/invoices", invoice, "Origin", app.url)
		app.must(415, "POST", "/api/invoices", invoice, "Content-Type", "text/plain")
		app.must(413, "POST", "/api/invoices", map[string]any{"client": strings.Repeat("x", 1<<20)})
		app.must(400, "GET", "/api/invoices?paid=maybe", nil)
		app.must(400, "GET", "/api/invoices?offset=-1", nil)
		app.must(200, "GET", "/api/invoices?limit=999999&offset=999999999&q=%00%27%22%25&sort=client&order=desc", nil)
		if total := app.must(200, "GET", "/api/invoices", nil).json["total"]; total != 2.0 {
			t.Errorf("%v entries after the refusals, want 2", total)
		}
	})
}

func TestTotalsAreExact(t *testing.T) {
	t.Parallel()
	onBoth(t, invoices(), func(t *testing.T, a spec.App) {
		app := start(t, write(t, a), t.TempDir())
		for i, amount := range []float64{0.1, 0.2, 0.3, 1000000.01} {
			app.must(201, "POST", "/api/invoices", map[string]any{"client": []string{"A", "B"}[i%2], "amount": amount, "due_date": "2026-01-31", "paid": i == 0})
		}
		want := []any{
			map[string]any{"field": "amount", "by": nil, "total": 1000000.61},
			map[string]any{"field": "amount", "by": "client", "groups": []any{
				map[string]any{"label": "B", "total": 1000000.21}, map[string]any{"label": "A", "total": 0.4},
			}},
			map[string]any{"field": nil, "by": "due_date", "groups": []any{map[string]any{"label": "2026-01", "total": 4.0}}},
		}
		if diff := cmp.Diff(want, app.must(200, "GET", "/api/invoices/totals", nil).json["totals"]); diff != "" {
			t.Error(diff)
		}
		narrowed := app.must(200, "GET", "/api/invoices/totals?paid=true", nil).json["totals"].([]any)[0].(map[string]any)
		if narrowed["total"] != 0.1 {
			t.Errorf("of the paid: %v", narrowed["total"])
		}
	})
}

func TestCSVIsHarmlessAndAtomic(t *testing.T) {
	t.Parallel()
	onBoth(t, staff(), func(t *testing.T, a spec.App) {
		app := start(t, write(t, a), t.TempDir())
		app.must(201, "POST", "/api/departments", map[string]any{"name": "R, \"D\""})
		file := "\ufeffName,department\r\n\"=1+1, really\",\"R, \"\"D\"\"\"\r\n\r\nAda,1\n"
		if got := app.must(201, "POST", "/api/employees.csv", file).json["imported"]; got != 2.0 {
			t.Errorf("imported %v", got)
		}
		export := app.must(200, "GET", "/api/employees.csv", nil)
		want := "name,department,manager\r\nAda,\"R, \"\"D\"\"\",\r\n\"'=1+1, really\",\"R, \"\"D\"\"\",\r\n"
		if diff := cmp.Diff(want, export.text); diff != "" {
			t.Error(diff)
		}
		app.must(201, "POST", "/api/employees.csv", export.text)
		if total := app.must(200, "GET", "/api/employees?q=%3D1%2B1", nil).json["total"]; total != 2.0 {
			t.Errorf("%v entries called =1+1, want 2: a round trip changed them", total)
		}
		bad := app.must(422, "POST", "/api/employees.csv", "name,department\nEve,Nowhere\nBob,1\n,1\n")
		wantErrors := map[string]any{"line 2": "Department: Choose one from the list.", "line 4": "Name: This is required."}
		if diff := cmp.Diff(wantErrors, bad.json["errors"]); diff != "" {
			t.Error(diff)
		}
		app.must(422, "POST", "/api/employees.csv", "")
		app.must(422, "POST", "/api/employees.csv", "name,salary\nEve,1\n")
		app.must(400, "POST", "/api/employees.csv", "name\n\xff\n")
		if total := app.must(200, "GET", "/api/employees", nil).json["total"]; total != 4.0 {
			t.Errorf("%v entries after the refusals, want 4", total)
		}
	})
}

// More readers than the server has threads are all answered.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, readingList(), func(t *testing.T, a spec.App) {
		app := start(t, write(t, a), t.TempDir())
		var wait sync.WaitGroup
		for i := range 100 {
			wait.Go(func() {
				client := &http.Client{Transport: &http.Transport{}}
				defer client.CloseIdleConnections()
				body := strings.NewReader(fmt.Sprintf(`{"title":"Book %d"}`, i))
				response, err := client.Post(app.url+"/api/books", "application/json", body)
				if err != nil {
					t.Error(err)
					return
				}
				_ = response.Body.Close()
				if response.StatusCode != 201 {
					t.Errorf("status %d", response.StatusCode)
				}
			})
		}
		wait.Wait()
		if total := app.must(200, "GET", "/api/books", nil).json["total"]; total != 100.0 {
			t.Errorf("%v books, want 100", total)
		}
	})
}

// Both servers, and so the form, say the same of every value: the form and
// Node's server share their rules.
func TestBothRuntimesSayTheSame(t *testing.T) {
	t.Parallel()
	a := everything()
	a.Runtime = "python"
	py := start(t, write(t, a), t.TempDir())
	a.Runtime = "node"
	js := start(t, write(t, a), t.TempDir())
	for _, app := range []*server{py, js} {
		app.must(201, "POST", "/api/people", map[string]any{"name": "Ada"})
	}
	values := []any{
		nil, "", " ", true, false, 0, 1, -1, 1.0, 1.5, 0.1, 12.345, 1e15, 1e16, -1e300, 2147483648, 499, 500, 501, 999.5, 999.6,
		"text", " text ", "a\tb", "a\nb", "\x7f", "é", strings.Repeat("é", 200), strings.Repeat("🙂", 200), strings.Repeat("x", 201), strings.Repeat("x", 10001),
		"2026-01-31", "2026-02-29", "2024-02-29", "2026-1-31", "20260131", "2026-W01-1", "0000-01-01", "0001-01-01", "9999-12-31", "2026-01-31T00:00",
		"00:00", "23:59", "24:00", "7:30", "12:60", "12:30:00", "idea", "live", "Idea", "constructor",
		"http://a", "https://a.example/b?c#d", "HTTPS://A", "http://", "http:///a", "ftp://a", "javascript:alert(1)", "https://a b", "https://" + strings.Repeat("a", 2000),
		"a@b.c", "a@b", "@b.c", "a b@c.d", "a@b..c", "a@b.c.", strings.Repeat("a", 250) + "@b.c",
		[]any{}, []any{"a", "b", "a"}, []any{" a ", ""}, []any{"a,b"}, []any{1}, []any{strings.Repeat("x", 51)}, map[string]any{}, []any{[]any{}},
		strings.Split(strings.Repeat("x ", 30), " "), strings.Split("a b c d e f g h i j k l m n o p q r s t u", " "),
	}
	for _, f := range a.Entities[0].Fields {
		for _, value := range values {
			entry := map[string]any{"name": "N", "members": 2, "deadline": "2026-01-31", "stage": "idea", f.Name: value}
			one, other := py.do("POST", "/api/projects", entry), js.do("POST", "/api/projects", entry)
			delete(one.json, "id")
			delete(other.json, "id")
			if diff := cmp.Diff(one.json, other.json); one.status != other.status || diff != "" {
				t.Errorf("%s = %.60v: python %d, node %d: %s", f.Name, value, one.status, other.status, diff)
			}
		}
	}
}
