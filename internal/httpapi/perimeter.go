package httpapi

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// perimeter bounds and marks every request, whatever its route.
func (s *server) perimeter(next http.Handler) http.Handler {
	next = s.crossing.protect(s.deny, s.limitAddress(next))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		a := arrivalOf(r)
		rq := &request{Context: r.Context(), out: answered{ResponseWriter: w}, id: core.NewID("req"), from: a.from, own: a.own(), secure: a.secure}
		w.Header()["X-Request-Id"] = rq.line(rq.id)
		most, within, headers := int64(maxBody), s.waiting.body, hardening[:]
		if isCall(r.URL.Path) {
			most, within, headers = maxCall, s.waiting.call, hardening[:ofData]
		} else if isUpload(r.URL.Path) {
			most, within = maxCall, s.waiting.call
		} else if r.URL.Path == documentsPath {
			most, within = documentBody, s.waiting.call
		}
		if strings.HasPrefix(r.URL.Path, conversationsPath+"/") && strings.HasSuffix(r.URL.Path, "/messages") && r.Method == http.MethodPost {
			most, within = documentBody, s.waiting.call // files come with it
		}
		if r.URL.Path == skillsPath && r.Method == http.MethodPost {
			most, within = maxSkill, s.waiting.call
		}
		rq.most = most
		harden(w.Header(), headers, a.secure)
		if r.ContentLength != 0 { // also where nobody reads the body: net/http does, before it answers
			// Ends when the body has come. A writer without deadlines is a test's.
			_ = http.NewResponseController(w).SetReadDeadline(began.Add(within))
		}
		// A copy: net/http looks at the body of its own request to know whether the rest of
		// one is still to come, which it must not take for the next request.
		r = r.WithContext(rq)
		r.Body = http.MaxBytesReader(w, r.Body, most)
		w = &rq.out
		rq.flow = readCookie(r, cookieName(rq.secure)+flowSuffix)
		defer s.ended(rq, began)
		defer s.survive(w, r)
		if s.cfg.TLSOnly && !a.secure && !a.own() {
			s.deny(w, r, core.E(core.Denied, "request", "this server is reached over TLS alone").WithHint("use its https:// address"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// harden tells browsers what they need not allow.
func harden(h http.Header, headers []header, secure bool) {
	for _, f := range headers {
		h[f.name] = f.value
	}
	if secure { // RFC 6797: over plain HTTP it means nothing
		h["Strict-Transport-Security"] = transportSecurity
	}
}

type header struct {
	name  string // as http.CanonicalHeaderKey has it
	value []string
}

// hardening are headers of every answer. Their values are shared: who says another one sets
// another value, and adds to none. The first, ofData, are all that an answer of a model has:
// no browser shows it, and many are asked for in a second.
var hardening = [...]header{
	{"Cache-Control", []string{"no-store"}},
	{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"}},
	{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
	{"Permissions-Policy", []string{"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"}},
	{"Referrer-Policy", []string{"no-referrer"}},
	{"X-Frame-Options", []string{"DENY"}},
}

const ofData = 4

var transportSecurity = []string{"max-age=31536000"}

// asPage lets an answer be a page, whose own styles and scripts carry the nonce that it
// returns: others run nowhere, whatever gets into the page.
func asPage(h http.Header) (nonce string) {
	nonce = rand.Text()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+nonce+"'; style-src 'nonce-"+nonce+"'; img-src 'self' data:; "+
		"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	return nonce
}

// survive answers a request whose handler panics like any other bug. If an
// answer has begun it is cut, so that nobody takes a part for the whole.
func (s *server) survive(w http.ResponseWriter, r *http.Request) {
	switch p := recover(); {
	case p == nil:
	case p == http.ErrAbortHandler: // a panic's value, by net/http's contract
		panic(p)
	default:
		err := core.E(core.Internal, "request", fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
		if w.Header().Get("Content-Type") != "" {
			rq := requestOf(r.Context())
			rq.out.status = http.StatusInternalServerError // for who counts: the reader has another
			s.cfg.Logger.Error("request failed", "request", rq.id, "err", err)
			panic(http.ErrAbortHandler)
		}
		s.deny(w, r, err)
	}
}
