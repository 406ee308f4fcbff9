package gateway

import (
	"context"
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
	Project  core.ProjectID    `json:"project"`
	Actor    core.Actor        `json:"actor"`
	Key      core.KeyID        `json:"key,omitempty"`
	Task     core.TaskID       `json:"task,omitempty"`
	Op       dialect.Operation `json:"op"`
	Model    string            `json:"model"` // as it was asked for
	Provider string            `json:"provider"`
	Request  []byte            `json:"request"` // as it went: without what the policy takes out
	Answer   []byte            `json:"answer"`  // as it came to the caller
	Cut      bool              `json:"cut,omitempty"`
}

const kindNote store.Kind[Note] = "prompt"

// note keeps a call, if the org wants that. That it can't be kept fails no call; the log
// says so.
func (g *Gateway) note(ctx context.Context, j *job, provider string, answer []byte, cut bool) {
	if j.set.PromptDays <= 0 {
		return
	}
	n := Note{
		At: g.cfg.Now(), Project: j.Scope.Project, Actor: j.Scope.Actor, Key: j.Key, Task: j.Task, Op: j.Op, Model: j.req.Model, Provider: provider,
		Request: j.req.Body[:min(len(j.req.Body), maxNote)], Answer: answer[:min(len(answer), maxNote)],
		Cut: cut || len(j.req.Body) > maxNote || len(answer) > maxNote,
	}
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	err := g.cfg.Records.Write(ctx, j.Scope.Org, kindNote.Put(store.Doc[Note]{ID: core.NewID("prm"), Expires: g.cfg.Now().AddDate(0, 0, j.set.PromptDays), Data: n}))
	if err != nil {
		g.cfg.Log.ErrorContext(ctx, "a prompt isn't kept that the org wants to be", "org", j.Scope.Org, "err", err)
	}
}

// Notes returns up to limit calls that the org has had kept, by id, after one.
func (g *Gateway) Notes(ctx context.Context, scope core.Scope, after string, limit int) ([]Note, error) {
	docs, err := kindNote.List(ctx, g.cfg.Records, scope.Org, "", after, limit)
	if err != nil {
		return nil, err
	}
	all := make([]Note, len(docs))
	for i, d := range docs {
		all[i] = d.Data
		all[i].ID = d.ID
	}
	return all, nil
}
