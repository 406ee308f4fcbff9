package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// How nodes speak about apps: an order is posted to orderPath and answered with one
// answer; posted to followPath, with an answer and then the lines of a log as they come;
// and a visitor's request comes as it is, with atHeader saying which app it is for.
const (
	orderPath  = "/order"
	followPath = "/follow"
	atHeader   = "Isekai-App"
)

// Bounds between nodes.
const (
	orderTime = 2 * time.Minute // for an order to be carried out
	orderBody = 64 << 10        // bytes of an order
	answerMax = 4 << 20         // bytes of an answer: a log in JSON is the longest
)

// reply is what a node answers to an order.
type reply struct {
	result
	Failure *core.Failure `json:"failure,omitempty"`
}

// Remote serves what other nodes ask of this one about the apps that are at home here. It
// asks nobody who they are: serve it to nodes alone. It never sends anything on to a third
// node, so that nothing goes in circles.
type Remote struct{ Service *Service }

// ServeHTTP implements http.Handler.
func (x Remote) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch at := r.Header.Get(atHeader); {
	case at != "":
		x.Service.receive(w, r, at)
	case r.Method == http.MethodPost && r.URL.Path == orderPath:
		o, err := readOrder(w, r)
		var a reply
		if err == nil {
			ctx, cancel := context.WithTimeout(r.Context(), orderTime)
			defer cancel()
			a.result, err = x.Service.obey(ctx, o)
		}
		a.Failure = core.Fail(err)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(a) // a node that has gone needs no answer
	case r.Method == http.MethodPost && r.URL.Path == followPath:
		x.follow(w, r)
	default:
		http.NotFound(w, r)
	}
}

func readOrder(w http.ResponseWriter, r *http.Request) (o order, err error) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(headerTimeout)) // a writer without deadlines is a test's
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, orderBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return o, core.E(core.Invalid, "app.order", "not an order").Because(err).WithHint("run the same version on all nodes")
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the connection is watched for its end from here on
	return o, o.Scope.Valid()
}

// obey carries out an order of another node, which took this one for the app's home.
func (s *Service) obey(ctx context.Context, o order) (result, error) {
	home, err := s.home(ctx, o.Scope.Org, o.App)
	if err == nil && home.away() && o.Do != doSettle {
		err = &elsewhere{home}
	}
	if err != nil {
		return result{}, err
	}
	return s.carry(ctx, o)
}

func (x Remote) follow(w http.ResponseWriter, r *http.Request) {
	out, control := json.NewEncoder(w), http.NewResponseController(w)
	o, err := readOrder(w, r)
	var home Home
	if err == nil {
		home, err = x.Service.home(r.Context(), o.Scope.Org, o.App)
	}
	if err == nil && home.away() {
		err = &elsewhere{home}
	}
	var lines iter.Seq[Line]
	if err == nil {
		lines, err = x.Service.follow(r.Context(), o.Scope, o.App, o.After)
	}
	if out.Encode(reply{Failure: core.Fail(err)}) != nil || err != nil || control.Flush() != nil {
		return
	}
	for l := range lines {
		if out.Encode(l) != nil || control.Flush() != nil {
			return
		}
	}
}

// send has another node carry an order out.
func (s *Service) send(ctx context.Context, home Home, o order) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	res, err := s.post(ctx, home, orderPath, o)
	if err != nil {
		return result{}, err
	}
	defer res.Body.Close()
	var a reply
	if err := json.NewDecoder(io.LimitReader(res.Body, answerMax)).Decode(&a); err != nil {
		return result{}, broken(ctx, home, err)
	}
	return a.result, a.Failure.Err()
}

// followAt follows the log of an app whose home is another node.
func (s *Service) followAt(ctx context.Context, home Home, o order) (iter.Seq[Line], error) {
	res, err := s.post(ctx, home, followPath, o)
	if err != nil {
		return nil, err
	}
	lines := json.NewDecoder(res.Body)
	var a reply
	if err = lines.Decode(&a); err != nil {
		err = broken(ctx, home, err)
	} else {
		err = a.Failure.Err()
	}
	if err != nil {
		return nil, errors.Join(err, res.Body.Close())
	}
	return func(yield func(Line) bool) {
		defer res.Body.Close()
		defer context.AfterFunc(s.ctx, func() { _ = res.Body.Close() })()
		for {
			var l Line
			if lines.Decode(&l) != nil || ctx.Err() != nil || !yield(l) {
				return
			}
		}
	}, nil
}

// post asks another node. The caller closes the answer's body.
func (s *Service) post(ctx context.Context, home Home, path string, o order) (*http.Response, error) {
	if home.URL == "" || s.cfg.Nodes == nil {
		return nil, home.unreachable()
	}
	body, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("app.order: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, home.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("app.order: %w", err)
	}
	res, err := s.cfg.Nodes.RoundTrip(req)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, broken(ctx, home, err)
	case err != nil:
		return nil, home.unreachable().Because(err)
	case res.StatusCode != http.StatusOK:
		return nil, errors.Join(home.unreachable().Because(fmt.Errorf("it answered with %s", res.Status)), res.Body.Close())
	}
	return res, nil
}

// broken says that a node didn't finish its answer.
func broken(ctx context.Context, home Home, err error) error {
	if context.Cause(ctx) == context.Canceled {
		return ctx.Err()
	}
	return core.E(core.Unavailable, "app.home", "node "+home.Node+", where the app is at home, went away before it had answered").
		Because(err).WithHint("look whether it was done, and repeat it if it wasn't")
}

// String writes a ref as atHeader has it.
func (r ref) String() string {
	return strings.Join([]string{string(r.org), string(r.project), string(r.app)}, "/")
}

func parseRef(s string) (r ref, ok bool) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 || !core.ValidID("app", parts[2]) {
		return ref{}, false
	}
	r = ref{core.OrgID(parts[0]), core.ProjectID(parts[1]), core.AppID(parts[2])}
	return r, r.scope().Valid() == nil
}
