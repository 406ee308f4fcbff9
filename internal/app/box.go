package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"sync/atomic"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

// What an app sees of its box.
const (
	treeMount = "/app"
	dataMount = "/data"
	port      = "8000"
	address   = "127.0.0.1:" + port
)

// Bounds of the connections into one box. An app commonly has a thread for each
// connection, and its threads are limited.
const (
	maxConns       = 40
	headerTimeout  = time.Minute // until an app's answer begins
	maxHeaderBytes = 256 << 10   // of an app's answer
)

// preview is one version of one app in a box of its own.
type preview struct {
	ref       ref
	number    int
	start     []string
	box       sandbox.Box
	log       *Ring
	transport *http.Transport
	proxy     *httputil.ReverseProxy
	answered  atomic.Bool
	visitors  atomic.Int64 // requests that are being served
	left      atomic.Int64 // when the last of them went, in Unix nanoseconds; at first, when it was made
	cancel    context.CancelFunc
	reason    string        // why it ended by itself; read it after done
	done      chan struct{} // closed when nothing of it is left
}

// launch runs a version in a new box and returns when it has answered. The
// caller has the turn, and nothing of the app runs.
func (s *Service) launch(ctx context.Context, sl *slot, st State, number int) (*preview, error) {
	select { // a crowd of starts takes turns, so that it doesn't time out together
	case s.gate <- struct{}{}:
		defer func() { <-s.gate }()
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.ctx.Done():
		return nil, errShutdown()
	}
	if err := s.reserve(st.Org); err != nil {
		return nil, err
	}
	box, err := s.box(ctx, st, number)
	if err != nil {
		s.vacate(st.Org)
		return nil, err
	}
	v, _ := st.Version(number)
	r, transport := st.ref(), boxTransport(box)
	running, cancel := context.WithCancel(s.ctx)
	p := &preview{
		ref: r, number: number, start: v.Manifest.Start, box: box, log: sl.log, transport: transport,
		proxy: reverseProxy(r.app, transport, s.cfg.Logger), cancel: cancel, done: make(chan struct{}),
	}
	p.left.Store(s.cfg.Now().UnixNano())
	heard := sl.log.last()
	sl.log.add(FromPlatform, fmt.Sprintf("version %d starts", number))
	s.procs.Go(func() { s.supervise(running, p) })
	if err := p.await(ctx, s.cfg.Ready); err != nil {
		p.stop()
		if err.Code != core.Canceled {
			err.Err = lastWords(sl.log.tail(12, heard+1))
		}
		return nil, err
	}
	s.dropOtherTrees(r, number)
	return p, nil
}

// box makes a box that shows a version's files and the app's data.
func (s *Service) box(ctx context.Context, st State, number int) (sandbox.Box, error) {
	v, _ := st.Version(number)
	r := st.ref()
	tree, err := s.checkout(ctx, r, v)
	if err != nil {
		return nil, err
	}
	data, err := s.dataDir(r)
	if err != nil {
		return nil, err
	}
	box, err := s.sandbox.Create(ctx, r.scope(), sandbox.Spec{
		Mounts: []sandbox.Mount{{Host: tree, Target: treeMount}, {Host: data, Target: dataMount, Writable: true, Counted: true}},
		Limits: s.cfg.Limits,
	})
	if err != nil {
		return nil, fmt.Errorf("app.start: %w", err)
	}
	return box, nil
}

// lastWords are the last lines that an app logged before it failed to start: in
// the chain of an error that is the app's own.
type lastWords string

func (w lastWords) Error() string {
	if w == "" {
		return "it logged nothing"
	}
	return "its log ends with\n" + string(w)
}

func boxTransport(box sandbox.Box) *http.Transport {
	return &http.Transport{
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return box.Dial(ctx, "tcp", address) },
		MaxIdleConnsPerHost:    maxConns / 2,
		MaxConnsPerHost:        maxConns,
		IdleConnTimeout:        time.Minute,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
	}
}

// await returns nil once the app answers GET / with 200. It has limit to begin
// answering, and then a fifth of that to answer right.
func (p *preview) await(ctx context.Context, limit time.Duration) *core.Error {
	const op = "app.start"
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	status := 0
	var wrong <-chan time.Time
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		if a, err := p.get(ctx); err == nil {
			if a.status == http.StatusOK {
				p.answered.Store(true)
				return nil
			}
			if status = a.status; wrong == nil {
				wrong = time.After(limit / 5)
			}
		}
		select {
		case <-p.done:
			if p.reason == "" {
				return core.E(core.Canceled, op, "the start was called off")
			}
			return core.E(core.Invalid, op, "the app ended before it answered: "+p.reason).WithHint(hintStart)
		case <-time.After(pause):
			continue
		case <-wrong:
		case <-ctx.Done():
		}
		switch {
		case ctx.Err() == context.Canceled:
			return core.E(core.Canceled, op, "the start was called off")
		case status != 0:
			return core.E(core.Invalid, op, fmt.Sprintf("the app answered GET / with %d, not 200", status)).WithHint(hintStart)
		}
		return core.E(core.Unavailable, op, "the app didn't answer within "+limit.String()).
			WithHint("it must listen on 127.0.0.1 at the port in PORT")
	}
}

const hintStart = "isekai app logs APP shows what it said; isekai doctor says whether its runtime is there"

// answer is what an app says to GET /.
type answer struct {
	status int
	body   []byte // its first 64 KiB
	took   time.Duration
}

func (p *preview) get(ctx context.Context) (answer, error) {
	began := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return answer{}, err
	}
	res, err := p.transport.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	return answer{status: res.StatusCode, body: body, took: time.Since(began)}, err
}

// alive reports whether the preview hasn't ended by itself.
func (p *preview) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// stop ends the preview and returns when nothing of it is left.
func (p *preview) stop() {
	p.cancel()
	<-p.done
}
