package gateway

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/store"
)

// What is said is never kept, unless the org has that turned on: then for as many days as it
// says, encrypted as all its records are, for its admins.

// maxNote bounds what is kept of a request, and of an answer, in bytes.
const maxNote = 256 << 10

// Note is a call as an org has it kept.
type Note struct {
	ID       string            `json:"-"`
	At       time.Time         `json:"at"`
	Expires  time.Time         `json:"-"`
	Project  core.ProjectID    `json:"project"`
	Actor    core.Actor        `json:"actor"`
	Key      core.KeyID        `json:"key,omitempty"`
	Task     core.TaskID       `json:"task,omitempty"`
	Op       dialect.Operation `json:"op"`
	Model    string            `json:"model"`              // as it was asked for
	Provider string            `json:"provider,omitempty"` // "": nobody answered, or the cache
	Outcome  string            `json:"outcome,omitempty"`  // a meter.Status
	Request  []byte            `json:"request"`            // as it went: without what the policy takes out
	Answer   []byte            `json:"answer"`             // as it came to the caller
	Cut      bool              `json:"cut,omitempty"`
}

const kindNote store.Kind[Note] = "prompt"

// noteID is a new one, before all that are older: lists are by id, and have the newest first.
func noteID(at time.Time) string {
	const end = 1<<56 - 1 // microseconds
	return fmt.Sprintf("prm_%014x%s", end-at.UnixMicro(), strings.TrimPrefix(core.NewID("x"), "x_"))
}

// note keeps a call, if the org wants that. That it can't be kept fails no call; the log
// says so.
func (g *Gateway) note(ctx context.Context, j *job, provider, outcome string, answer []byte, cut bool) {
	if j.set.PromptDays <= 0 {
		return
	}
	now := g.cfg.Now()
	n := Note{
		At: now, Project: j.Scope.Project, Actor: j.Scope.Actor, Key: j.Key, Task: j.Task, Op: j.Op, Model: j.req.Model, Provider: provider, Outcome: outcome,
		Request: j.req.Body[:min(len(j.req.Body), maxNote)], Answer: answer[:min(len(answer), maxNote)],
		Cut: cut || len(j.req.Body) > maxNote || len(answer) > maxNote,
	}
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	err := g.cfg.Records.Write(ctx, j.Scope.Org, kindNote.Put(store.Doc[Note]{ID: noteID(now), Expires: now.AddDate(0, 0, j.set.PromptDays), Data: n}))
	if err != nil {
		g.cfg.Log.ErrorContext(ctx, "a prompt isn't kept that the org wants to be", "org", j.Scope.Org, "err", err)
	}
}

// Notes returns up to limit calls that the org has had kept, the newest first, after one's id
// ("": from the newest on).
func (g *Gateway) Notes(ctx context.Context, org core.OrgID, after string, limit int) ([]Note, error) {
	docs, err := kindNote.List(ctx, g.cfg.Records, org, "", after, limit)
	if err != nil {
		return nil, err
	}
	all := make([]Note, len(docs))
	for i, d := range docs {
		all[i] = noteOf(d)
	}
	return all, nil
}

// Note returns one. not_found: there is none, any more.
func (g *Gateway) Note(ctx context.Context, org core.OrgID, id string) (Note, error) {
	d, err := g.noteDoc(ctx, org, id)
	return noteOf(d), err
}

// Forget removes one. not_found: there is none, any more.
func (g *Gateway) Forget(ctx context.Context, org core.OrgID, id string) error {
	d, err := g.noteDoc(ctx, org, id)
	if err != nil {
		return err
	}
	return g.cfg.Records.Write(ctx, org, kindNote.Drop(d))
}

// ForgetAll removes those that have been kept until now, of the projects that of wants, and
// returns how many those were.
func (g *Gateway) ForgetAll(ctx context.Context, org core.OrgID, of func(core.ProjectID) bool) (n int, err error) {
	after := noteID(g.cfg.Now().Add(time.Millisecond))
	for {
		docs, err := kindNote.List(ctx, g.cfg.Records, org, "", after, 20)
		if err != nil || len(docs) == 0 {
			return n, err
		}
		for _, d := range docs {
			if !of(d.Data.Project) {
				continue
			}
			if err := g.cfg.Records.Write(ctx, org, kindNote.Drop(d)); err == nil {
				n++
			} else if core.CodeOf(err) != core.Conflict { // somebody else did, or time
				return n, err
			}
		}
		after = docs[len(docs)-1].ID
	}
}

func (g *Gateway) noteDoc(ctx context.Context, org core.OrgID, id string) (store.Doc[Note], error) {
	d, err := kindNote.Get(ctx, g.cfg.Records, org, id)
	if core.CodeOf(err) == core.NotFound {
		err = core.E(core.NotFound, "prompt", "there is no such prompt").WithHint("isekai model prompts lists those that are kept")
	}
	return d, err
}

func noteOf(d store.Doc[Note]) Note {
	d.Data.ID, d.Data.Expires = d.ID, d.Expires
	return d.Data
}
