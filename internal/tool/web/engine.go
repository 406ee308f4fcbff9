package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Kind is how a search engine is asked.
type Kind string

// The kinds.
const (
	SearXNG Kind = "searxng" // https://docs.searxng.org/dev/search_api.html, with the format json
	Brave   Kind = "brave"   // https://api-dashboard.search.brave.com/app/documentation/web-search
)

// Kinds are all kinds.
var Kinds = []Kind{SearXNG, Brave}

// BraveURL is where Brave's own engine is.
const BraveURL = "https://api.search.brave.com/res/v1/web/search"

// Engine is a search engine.
type Engine struct {
	Kind Kind
	URL  string // of the endpoint; of SearXNG's, or its site
	// Authorize adds what the engine wants to be shown; nil: nothing. Its errors are those of
	// tool.Outside.
	Authorize func(ctx context.Context, c tool.Call, r *http.Request) error
}

// Engines says which engine a project's searches go to. not_found: none.
type Engines interface {
	Engine(ctx context.Context, scope core.Scope) (Engine, error)
}

// Query is a search.
type Query struct {
	Text   string
	Count  int    // of results
	Page   int    // from 1
	Recent string // day, week, month, year or ""
}

// Found is one result as the engine has it: its texts may hold anything.
type Found struct{ Title, URL, Snippet, Date string }

// Check returns an invalid error for an engine that can't be asked.
func (e Engine) Check() error {
	u, err := url.Parse(e.URL)
	switch {
	case e.Kind != SearXNG && e.Kind != Brave:
		return core.E(core.Invalid, "search", "there is no kind of engine "+strconv.Quote(string(e.Kind))).WithHint("searxng or brave")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Fragment != "":
		return core.E(core.Invalid, "search", "the engine's address can't be used").WithHint("as in https://searx.example.com/search")
	}
	return nil
}

// request makes the request for a query.
func (e Engine) request(ctx context.Context, q Query) (*http.Request, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	u, err := url.Parse(e.URL)
	if err != nil {
		return nil, badAddress(e.URL)
	}
	v := u.Query()
	v.Set("q", q.Text)
	switch e.Kind {
	case SearXNG:
		if u.Path == "" || u.Path == "/" {
			u.Path = "/search"
		}
		v.Set("format", "json")
		v.Set("pageno", strconv.Itoa(q.Page))
		if q.Recent != "" {
			v.Set("time_range", q.Recent)
		}
	case Brave:
		v.Set("count", strconv.Itoa(q.Count))
		v.Set("offset", strconv.Itoa(q.Page-1))
		v.Set("text_decorations", "false")
		if q.Recent != "" {
			v.Set("freshness", "p"+q.Recent[:1])
		}
	}
	u.RawQuery = v.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, badAddress(e.URL)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", Agent)
	return r, nil
}

// results reads an answer. An error says that it isn't one of this kind of engine.
func (e Engine) results(body []byte) ([]Found, error) {
	var all []Found
	switch e.Kind {
	case SearXNG:
		var a struct {
			Results *[]struct{ Title, URL, Content, PublishedDate string }
		}
		if err := json.Unmarshal(body, &a); err != nil || a.Results == nil {
			return nil, noAnswer(err)
		}
		for _, r := range *a.Results {
			all = append(all, Found{r.Title, r.URL, r.Content, r.PublishedDate})
		}
	case Brave:
		var a struct {
			Type string
			Web  struct {
				Results []struct {
					Title, URL, Description, Age string
					PageAge                      string `json:"page_age"`
				}
			}
		}
		if err := json.Unmarshal(body, &a); err != nil || a.Type != "search" && a.Web.Results == nil {
			return nil, noAnswer(err)
		}
		for _, r := range a.Web.Results {
			date := r.PageAge
			if date == "" {
				date = r.Age
			}
			all = append(all, Found{r.Title, r.URL, r.Description, date})
		}
	}
	return all, nil
}

func noAnswer(err error) error {
	return core.E(core.Unavailable, "search", "what the search engine sent isn't an answer of its kind").WithHint("an operator checks search.kind and search.url").Because(err)
}
