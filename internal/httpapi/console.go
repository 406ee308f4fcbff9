package httpapi

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// Console is the web console: a page whose scripts use this API with their user's session.
type Console struct {
	// Files are those that package web describes. nil: the program was built without.
	Files fs.FS
	// Frames are the origins whose pages the console's may show: those of previews, as sources of a
	// Content-Security-Policy.
	Frames []string
}

// assetsPath is what the console's page loads. A name has its content's hash in it.
const assetsPath = "/assets/"

// unbuilt is the page of a program without a console.
const unbuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Isekai</title>
<h1>Isekai</h1>
<p>This program was built without its console. It takes Node and npm: <code>make web build</code>, then start it again.</p>
<p>All that the console does, the <a href="/docs">API</a> and the command line do: <code>isekai --help</code>.</p>
</html>
`

// console serves the page, and what it loads.
func (s *server) console(mux *http.ServeMux) {
	mux.HandleFunc("GET "+assetsPath+"{file}", s.asset)
	mux.HandleFunc("GET /{$}", s.page)
}

// isPage reports whether a request is a browser's for a page that the console has: where there is
// no route, its own router says what to show.
func isPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || path.Ext(r.URL.Path) != "" {
		return false
	}
	for _, taken := range []string{"/v1/", "/.well-known/", assetsPath} {
		if strings.HasPrefix(r.URL.Path+"/", taken) {
			return false
		}
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// page answers with the console's one page, whatever its address.
func (s *server) page(w http.ResponseWriter, r *http.Request) {
	nonce := asPage(w.Header())
	if s.cfg.Console.Files == nil {
		_, _ = io.WriteString(w, unbuilt) // a reader that has gone needs no answer
		return
	}
	index, err := fs.ReadFile(s.cfg.Console.Files, "index.html")
	if err != nil {
		s.deny(w, r, core.E(core.Internal, "console", "the page can't be read").Because(err))
		return
	}
	w.Header().Set("Content-Security-Policy", consolePolicy(nonce, s.cfg.Console.Frames))
	_, _ = w.Write(bytes.ReplaceAll(index, []byte(nonceMark), []byte(nonce)))
}

// consolePolicy lets the console's page run what came with the program and nothing else, talk to
// this origin alone, and show previews in frames.
func consolePolicy(nonce string, frames []string) string {
	if len(frames) == 0 {
		frames = []string{"'none'"}
	}
	return "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + nonce + "'; img-src 'self' data: blob:; font-src 'self'; " +
		"connect-src 'self'; worker-src 'self'; manifest-src 'self'; frame-src " + strings.Join(frames, " ") + "; " +
		"frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
}

// assetPolicy is of the files that the page loads: one that is a worker has its own policy, not the page's, and
// talks to this origin as the page does.
const assetPolicy = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// asset answers with a file that the page loads.
func (s *server) asset(w http.ResponseWriter, r *http.Request) {
	files, name := s.cfg.Console.Files, r.PathValue("file")
	if files == nil || strings.HasSuffix(name, ".gz") {
		files = nothing{}
	}
	f, err := files.Open("assets/" + name)
	packed := err != nil
	if packed {
		f, err = files.Open("assets/" + name + ".gz")
	}
	if err != nil {
		s.deny(w, r, core.E(core.NotFound, "console", "there is no such file").WithHint("load the page anew: it may be of another version"))
		return
	}
	defer func() { _ = f.Close() }() // only read
	h := w.Header()
	h.Set("Content-Security-Policy", assetPolicy)
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	var content io.Reader = f
	if packed {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			h.Set("Content-Encoding", "gzip")
		} else if content, err = gzip.NewReader(f); err != nil {
			s.deny(w, r, core.E(core.Internal, "console", "a file can't be unpacked").Because(err))
			return
		}
	}
	_, _ = io.Copy(w, content) // a reader that has gone needs no more
}

// acceptsGzip reports whether a request takes gzip (RFC 9110, section 12.5.3).
func acceptsGzip(r *http.Request) bool {
	for _, line := range r.Header["Accept-Encoding"] {
		for coding := range strings.SplitSeq(line, ",") {
			name, weight, _ := strings.Cut(coding, ";")
			name, weight = strings.TrimSpace(name), strings.ReplaceAll(weight, " ", "")
			if (strings.EqualFold(name, "gzip") || name == "*") && !strings.HasPrefix(weight, "q=0") || strings.EqualFold(name, "gzip") && strings.HasPrefix(weight, "q=0.") {
				return true
			}
		}
	}
	return false
}

// nothing has no files.
type nothing struct{}

// Open implements fs.FS.
func (nothing) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
