package web

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Token names this crawler in robots.txt. Agent is how it presents itself to sites.
const (
	Token = "isekai"
	Agent = "isekai/1 (+https://github.com/isekai-run/isekai)"
)

// MaxPage bounds what is read of one answer, in bytes; the rest is left.
const MaxPage = 4 << 20

// maxPDF is MaxPage for a PDF, whose pictures count and aren't read.
const (
	maxPDF  = 8 << 20
	pdfType = "application/pdf"
)

// patience is how long a page may take with all that it needs, less than a tool's call.
const patience = 40 * time.Second

// Fetcher gets pages as a polite crawler does. It is safe for concurrent use.
type Fetcher struct {
	client *http.Client // asks robots.txt before it follows a redirect
	robots *keeper
	wait   time.Duration
	now    func() time.Time
}

// Config configures a Fetcher. Zero fields have the defaults that are named.
type Config struct {
	Outside  tool.Outside
	Patience time.Duration    // for a page with all that it needs; 40 s
	Now      func() time.Time // time.Now
}

// NewFetcher returns a Fetcher.
func NewFetcher(cfg Config) *Fetcher {
	if cfg.Patience <= 0 {
		cfg.Patience = patience
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	shared := cfg.Outside.Client()
	f := &Fetcher{robots: newKeeper(shared, cfg.Now), wait: cfg.Patience, now: cfg.Now}
	polite := *shared // with the same transport, which checks each request
	polite.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if shared.CheckRedirect != nil {
			if err := shared.CheckRedirect(r, via); err != nil {
				return err
			}
		}
		return f.robots.allows(r.Context(), r.URL)
	}
	f.client = &polite
	return f
}

// Request is what is wanted.
type Request struct {
	URL string
	// What the last answer had, for an answer that says only that nothing changed.
	ETag, Modified string
}

// Page is what a site answered.
type Page struct {
	URL            string // after redirects
	Status         int
	Unchanged      bool   // since the answer that the request was about; there is no Body
	Type           string // the media type, without parameters
	Body           []byte // UTF-8 for what is text; at most MaxPage bytes of what was sent
	Cut            bool   // there is more
	ETag, Modified string
	Retry          string // when to come again, as the site says it
}

// Get gets a page. Errors: invalid for an address that isn't one; denied for one that nobody may
// reach, or whose site doesn't want crawlers there; not_found, exhausted, unavailable as
// tool.Outside has them; unsupported for a body that can't be unpacked. Any status is no error.
func (f *Fetcher) Get(ctx context.Context, r Request) (Page, error) {
	ctx, cancel := context.WithTimeout(ctx, f.wait)
	defer cancel()
	u, err := parseURL(r.URL)
	if err != nil {
		return Page{}, err
	}
	if err := f.robots.allows(ctx, u); err != nil {
		return Page{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return Page{}, badAddress(r.URL)
	}
	req.Header.Set("User-Agent", Agent)
	req.Header.Set("Accept", "text/html, application/xhtml+xml, application/json;q=0.9, text/*;q=0.8, */*;q=0.1")
	for name, value := range map[string]string{"If-None-Match": r.ETag, "If-Modified-Since": r.Modified} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return Page{}, slow(err)
	}
	defer resp.Body.Close()
	return read(resp)
}

// read makes a Page of an answer.
func read(resp *http.Response) (Page, error) {
	p := Page{
		URL: resp.Request.URL.String(), Status: resp.StatusCode, Unchanged: resp.StatusCode == http.StatusNotModified,
		ETag: bounded(resp.Header.Get("ETag")), Modified: bounded(resp.Header.Get("Last-Modified")), Retry: bounded(resp.Header.Get("Retry-After")),
	}
	if p.Unchanged {
		return p, nil
	}
	if packed := resp.Header.Get("Content-Encoding"); packed != "" && !strings.EqualFold(packed, "identity") {
		return p, core.E(core.Unsupported, "web", "the page is packed in a way that wasn't asked for")
	}
	kind, most := resp.Header.Get("Content-Type"), MaxPage
	if named, _, err := mime.ParseMediaType(kind); err == nil && named == pdfType {
		most = maxPDF
	}
	body, cut, err := tool.ReadAnswer(resp.Body, most)
	if err != nil {
		return p, err
	}
	p.Cut = cut
	if kind == "" {
		kind = http.DetectContentType(body)
	}
	if p.Type, _, err = mime.ParseMediaType(kind); err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		p.Type = strings.ToLower(strings.TrimSpace(strings.Split(kind, ";")[0]))
	}
	if p.Body = body; tool.IsText(p.Type) {
		p.Body = tool.UTF8(body, kind)
	}
	return p, nil
}

// maxURL is as long as an address may be.
const maxURL = 2000

// parseURL reads an address. What may be reached is for tool.Outside to say.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Host == "" || len(raw) > maxURL || u.Scheme != "http" && u.Scheme != "https" {
		return nil, badAddress(raw)
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

func badAddress(raw string) error {
	return core.E(core.Invalid, "web", "the address can't be used: "+strconv.Quote(raw[:min(len(raw), 100)])).WithHint("as in https://example.com/path")
}

// slow names an error that is only that the time ran out.
func slow(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return core.E(core.Unavailable, "web", "the site takes too long").Because(err)
	}
	return err
}

// bounded returns a header's value if it is short enough to be sent back.
func bounded(value string) string {
	if len(value) > 500 {
		return ""
	}
	return value
}
