package app

import (
	"fmt"
	"html"
	"net/http"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// page is what Proxy itself answers, instead of an app.
type page struct {
	status  int
	title   string
	text    string
	command string // what to type, if that helps
	retry   bool
}

// The pages. They tell a visitor nothing of what an app logged.
var (
	pageUnknown = page{status: http.StatusNotFound, title: "There is no app here", text: "It was deleted, or the address isn't right.", command: "isekai app list"}
	pageStopped = page{status: http.StatusServiceUnavailable, title: "This app is stopped", text: "Its data is kept. Start it with:", command: "isekai app start"}
	pageFailing = page{status: http.StatusServiceUnavailable, title: "This app doesn't start", text: "Its log says why:", command: "isekai app logs", retry: true}
	pageAway    = page{status: http.StatusServiceUnavailable, title: "This app's node can't be reached", text: "Its data is at node %s, and it runs there alone. If that node is lost:", command: "isekai app start --move", retry: true}
	pageMoving  = page{status: http.StatusServiceUnavailable, title: "This app is moving", text: "It will answer in a moment. If it doesn't:", command: "isekai app list", retry: true}
	pageSilent  = page{status: http.StatusBadGateway, title: "This app didn't answer", text: "It may be starting again. Its log says more:", command: "isekai app logs", retry: true}
)

func (p page) about(app core.AppID) page {
	p.command += " " + string(app)
	return p
}

// of names the node where the app is at home.
func (p page) of(home Home) page {
	p.text = fmt.Sprintf(p.text, home.Node)
	return p
}

const pageHTML = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<title>%[1]s</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}code{display:block;padding:.75rem;border:1px solid;border-radius:.5rem;overflow-wrap:anywhere}</style>
<h1>%[1]s</h1><p>%[2]s</p><code>%[3]s</code></html>
`

// writePage answers with HTML where the client takes it, else with plain text.
func writePage(w http.ResponseWriter, r *http.Request, p page) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	// The console shows it in a frame, from another origin; there is nothing on it to be lured into.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'")
	if p.retry {
		h.Set("Retry-After", "10")
	}
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(p.status)
		_, _ = fmt.Fprintf(w, "%s. %s %s\n", p.title, p.text, p.command)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.status)
	_, _ = fmt.Fprintf(w, pageHTML, html.EscapeString(p.title), html.EscapeString(p.text), html.EscapeString(p.command))
}
