package remote

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool"
)

// Jobs keeps what became of submitted jobs, and takes what services say of them by themselves.
// It is safe for concurrent use, by any number of nodes on one store.
type Jobs struct {
	records store.Records // sealed
	url     string
	now     func() time.Time
}

// NewJobs returns the jobs of an installation. url is where services reach this installation's
// callbacks, and ends in a slash; "": they can't, and aren't offered to.
func NewJobs(records store.Records, url string) *Jobs { return &Jobs{records, url, time.Now} }

// CallbackPath is where a token follows, below the API's address.
const CallbackPath = "/v1/callbacks/"

// MaxCallback bounds what a service says by itself, in bytes. What is longer is for a status address.
const MaxCallback = 256 << 10

// kept is one job.
type kept struct {
	Secret []byte    `json:"secret,omitempty"` // that its callback has; none: none is offered
	Until  time.Time `json:"until"`            // for so long the call waits
	Taken  bool      `json:"taken,omitempty"`  // the service has accepted it
	Next   string    `json:"next,omitempty"`   // where to ask after it
	Said   []byte    `json:"said,omitempty"`   // the service's last word, an answer as JSON
	Over   bool      `json:"over,omitempty"`   // the call has ended
}

const jobs store.Kind[kept] = "remote.job"

// life is for how long a job is kept after its call gives up.
const life = 24 * time.Hour

func jobID(c tool.Call) string { return string(c.Task) + "/" + string(c.ID) }

// open begins a call's job, or returns the one that the call has begun before: then again is true.
func (s *Jobs) open(ctx context.Context, c tool.Call, limit time.Duration) (k kept, again bool, err error) {
	err = store.Update(ctx, s.records, c.Scope.Org, func() ([]store.Change, error) {
		d, err := jobs.Find(ctx, s.records, c.Scope.Org, jobID(c))
		if k, again = d.Data, true; err != nil || d.Version > 0 {
			return nil, err
		}
		k, again = kept{Until: s.now().Add(limit).UTC()}, false
		if s.url != "" {
			k.Secret = make([]byte, 32)
			_, _ = rand.Read(k.Secret) // it never fails
		}
		d.Data, d.Expires = k, k.Until.Add(life)
		return []store.Change{jobs.Put(d)}, nil
	})
	return k, again, err
}

// change changes a call's job, and returns it as it is then.
func (s *Jobs) change(ctx context.Context, c tool.Call, with func(*kept)) (k kept, err error) {
	err = store.Update(ctx, s.records, c.Scope.Org, func() ([]store.Change, error) {
		d, err := jobs.Get(ctx, s.records, c.Scope.Org, jobID(c))
		if err != nil {
			return nil, err
		}
		with(&d.Data)
		k = d.Data
		return []store.Change{jobs.Put(d)}, nil
	})
	return k, err
}

// said returns the service's last word on a call's job, if it has come by itself.
func (s *Jobs) said(ctx context.Context, c tool.Call) (a answer, came bool, err error) {
	d, err := jobs.Get(ctx, s.records, c.Scope.Org, jobID(c))
	if err != nil || d.Data.Said == nil {
		return answer{}, false, err
	}
	a, err = read(d.Data.Said)
	return a, true, err
}

// read reads what was kept of a service's last word.
func read(said []byte) (a answer, err error) {
	if err = json.Unmarshal(said, &a); err != nil {
		err = core.E(core.Internal, spec.Name, "a kept word can't be read").Because(err)
	}
	return a, err
}

// forget drops a job that no service has.
func (s *Jobs) forget(ctx context.Context, c tool.Call) error {
	return store.Update(ctx, s.records, c.Scope.Org, func() ([]store.Change, error) {
		d, err := jobs.Find(ctx, s.records, c.Scope.Org, jobID(c))
		if err != nil || d.Version == 0 {
			return nil, err
		}
		return []store.Change{jobs.Drop(d)}, nil
	})
}

// callback is the address for a call's job alone, or "".
func (s *Jobs) callback(c tool.Call, k kept) string {
	if k.Secret == nil {
		return ""
	}
	at := string(c.Scope.Org) + "/" + jobID(c)
	return s.url + form + base64.RawURLEncoding.EncodeToString([]byte(at)) + "." + base64.RawURLEncoding.EncodeToString(k.Secret)
}

const form = "icb_" // icb_<org/task/call>.<secret>

// Take keeps a service's last word on the job whose callback has the token: status is succeeded
// with an output, and data if any, or failed with an error. unauthenticated: the token is made up,
// or its time is over; which isn't said. conflict: the word was given before, or the call has
// ended; invalid: it is no last word; exhausted: it is too long.
func (s *Jobs) Take(ctx context.Context, token string, word []byte) error {
	const op = "callback"
	bad := core.E(core.Unauthenticated, op, "there is no such callback").WithHint("post to the address that came with the job, while the job is waited for")
	text, mark, ok := strings.Cut(strings.TrimPrefix(token, form), ".")
	at, err := base64.RawURLEncoding.Strict().DecodeString(text)
	secret, lost := base64.RawURLEncoding.Strict().DecodeString(mark)
	org, id, two := strings.Cut(string(at), "/")
	if !ok || !two || err != nil || lost != nil || !strings.HasPrefix(token, form) || len(id) > store.MaxID || !(org == string(core.DefaultOrg) || core.ValidID("org", org)) {
		return bad
	}
	return store.Update(ctx, s.records, core.OrgID(org), func() ([]store.Change, error) {
		d, err := jobs.Find(ctx, s.records, core.OrgID(org), id)
		switch {
		case core.CodeOf(err) == core.NotFound, core.CodeOf(err) == core.Invalid: // no such org, or no id
			return nil, bad
		case err != nil:
			return nil, err
		case d.Version == 0 || len(d.Data.Secret) == 0 || subtle.ConstantTimeCompare(secret, d.Data.Secret) != 1 || !s.now().Before(d.Data.Until):
			return nil, bad
		case d.Data.Said != nil:
			return nil, core.E(core.Conflict, op, "the job's last word was given before").WithHint("a callback is good for one")
		case d.Data.Over:
			return nil, core.E(core.Conflict, op, "nobody waits for the job any more")
		}
		if d.Data.Said, err = lastWord(word); err != nil {
			return nil, err
		}
		return []store.Change{jobs.Put(d)}, nil
	})
}

// lastWord checks a service's last word.
func lastWord(word []byte) ([]byte, error) {
	const op = "callback"
	if len(word) > MaxCallback {
		return nil, core.E(core.Exhausted, op, "it is longer than 256 KiB").WithHint("have a status address for a longer result")
	}
	var a answer
	if err := json.Unmarshal(word, &a); err != nil {
		return nil, core.E(core.Invalid, op, "it isn't JSON of the kind that is wanted").WithHint(`as in {"status":"succeeded","output":"..."}`)
	}
	if a.Status != "failed" && (a.Status != "succeeded" || a.Output == nil) {
		return nil, core.E(core.Invalid, op, "it is no last word").WithHint(`as in {"status":"succeeded","output":"..."} or {"status":"failed","error":"..."}`)
	}
	return word, nil
}
