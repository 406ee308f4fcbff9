package web

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html/charset"

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
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxPage+1))
	switch {
	case core.CodeOf(err) == core.Exhausted: // the installation's bound is lower
		p.Cut = true
	case err != nil:
		return p, slow(err)
	}
	if len(body) > MaxPage {
		body, p.Cut = body[:MaxPage], true
	}
	kind := resp.Header.Get("Content-Type")
	if kind == "" {
		kind = http.DetectContentType(body)
	}
	if p.Type, _, err = mime.ParseMediaType(kind); err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		p.Type = strings.ToLower(strings.TrimSpace(strings.Split(kind, ";")[0]))
	}
	if p.Body = body; textual(p.Type) {
		p.Body = decode(body, kind)
	}
	return p, nil
}

// textual reports whether a media type is one of texts.
func textual(kind string) bool {
	main, sub, _ := strings.Cut(kind, "/")
	if main == "text" {
		return true
	}
	switch sub {
	case "json", "xml", "javascript", "yaml", "x-yaml", "x-ndjson", "ndjson", "toml", "rtf":
		return main == "application"
	}
	return main == "application" && (strings.HasSuffix(sub, "+json") || strings.HasSuffix(sub, "+xml") || strings.HasSuffix(sub, "+yaml"))
}

// decode returns a text as UTF-8: by its byte order mark, what its type says, or what it says
// of itself (https://html.spec.whatwg.org/#determining-the-character-encoding).
func decode(body []byte, kind string) []byte {
	encoding, name, certain := charset.DetermineEncoding(body[:min(len(body), 1024)], kind)
	if name == "utf-8" {
		return body
	}
	if !certain && looksUTF8(body) {
		return body
	}
	text, err := encoding.NewDecoder().Bytes(body)
	if err != nil {
		return body // what can't be read in it is made visible later
	}
	return text
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

// looksUTF8 reports whether a text that doesn't say what it is can be taken for UTF-8.
func looksUTF8(body []byte) bool { return utf8.Valid(body[:len(body)-min(len(body), utf8.UTFMax-1)]) }
