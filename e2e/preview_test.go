package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// preview is a running app, reached as a browser does: by its own host name.
type preview struct {
	t    *testing.T
	url  string
	http *http.Client
}

// previewAt returns the app at an address such as
// http://reading-list-k3x9.localhost:7777. The name is this machine's by RFC 6761;
// no resolver is asked.
func previewAt(t *testing.T, address string) *preview {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || !strings.HasSuffix(u.Hostname(), ".localhost") {
		t.Fatalf("the app's address is %q", address)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, "127.0.0.1:"+u.Port())
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &preview{t: t, url: address, http: &http.Client{Transport: transport}}
}

// reply is what an app says.
type reply struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

// do sends a request with an optional JSON body.
func (p *preview) do(method, path string, body any) reply {
	p.t.Helper()
	var reader io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			p.t.Fatal(err)
		}
		reader = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, reader)
	if err != nil {
		p.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := p.http.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	r := reply{status: res.StatusCode, header: res.Header, text: string(b)}
	if strings.HasPrefix(r.header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(b, &r.json); err != nil {
			p.t.Fatalf("%s %s: %v in %q", method, path, err, b)
		}
	}
	return r
}

// must is do that expects a status.
func (p *preview) must(status int, method, path string, body any) reply {
	p.t.Helper()
	r := p.do(method, path, body)
	if r.status != status {
		p.t.Fatalf("%s %s: status %d, want %d: %s", method, path, r.status, status, r.text)
	}
	return r
}

// wants fails the test unless the reply has these values.
func (r reply) wants(t *testing.T, want map[string]any) {
	t.Helper()
	for name, value := range want {
		a, err := json.Marshal(r.json[name])
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s is %s, want %s, in %s", name, a, b, r.text)
		}
	}
}

// refuses sends what can't be right, and sees that the app says why, per field.
func (p *preview) refuses(path string, body any, fields ...string) {
	p.t.Helper()
	r := p.must(http.StatusUnprocessableEntity, http.MethodPost, path, body)
	problems, _ := r.json["errors"].(map[string]any)
	for _, f := range fields {
		if why, _ := problems[f].(string); why == "" {
			p.t.Errorf("POST %s %v: nothing about %s in %s", path, body, f, r.text)
		}
	}
}

// total is how many entries a list says that it has.
func (p *preview) total(path string) int {
	p.t.Helper()
	n, ok := p.must(http.StatusOK, http.MethodGet, path, nil).json["total"].(float64)
	if !ok {
		p.t.Fatalf("GET %s has no total", path)
	}
	return int(n)
}

// entries is a kind of entry that an app keeps, and what to try with it.
type entries struct {
	slug   string
	entry  map[string]any // complete and right
	edit   map[string]any // what is changed in it
	search string         // finds the changed entry alone
	wrong  map[string]any // what makes it wrong, a field at a time
}

// use creates, shows, edits, searches, deletes; one entry stays, as created.
func (e entries) use(p *preview) {
	p.t.Helper()
	list := "/api/" + e.slug
	for name, value := range e.wrong {
		p.refuses(list, with(e.entry, map[string]any{name: value}), name)
	}
	before := p.total(list)
	p.must(http.StatusCreated, "POST", list, e.entry)
	made := p.must(http.StatusCreated, "POST", list, e.entry)
	made.wants(p.t, e.entry)
	b, err := json.Marshal(made.json["id"])
	if err != nil {
		p.t.Fatal(err)
	}
	one := list + "/" + string(b)
	p.must(http.StatusOK, "GET", one, nil).wants(p.t, e.entry)

	changed := with(e.entry, e.edit)
	p.must(http.StatusOK, "PUT", one, changed).wants(p.t, changed)
	p.must(http.StatusOK, "GET", one, nil).wants(p.t, changed)

	if found := p.total(list + "?q=" + url.QueryEscape(e.search)); found != 1 {
		p.t.Errorf("a search for %q finds %d, want 1", e.search, found)
	}
	if found := p.total(list + "?q=nothing+like+this"); found != 0 {
		p.t.Errorf("a search for nothing finds %d", found)
	}
	p.must(http.StatusNoContent, "DELETE", one, nil)
	p.must(http.StatusNotFound, "GET", one, nil)
	if n := p.total(list); n != before+1 {
		p.t.Errorf("%d entries are left, want %d", n, before+1)
	}
}

// with returns a map with some values replaced.
func with(m, changes map[string]any) map[string]any {
	all := map[string]any{}
	for k, v := range m {
		all[k] = v
	}
	for k, v := range changes {
		all[k] = v
	}
	return all
}
