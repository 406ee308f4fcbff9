package mcp

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Bounds of what a server may offer. What is beyond is left out.
const (
	maxTools       = 128
	maxPages       = 32
	maxSchema      = 16 << 10  // bytes of one tool's schema
	maxSchemas     = 256 << 10 // of all of them
	maxDescription = 1500      // bytes
	maxWords       = 400       // bytes of a description within a schema
)

// Offer is a tool that a server has, as it is known here.
type Offer struct {
	Name        string // here: SERVER_tool
	Tool        string // as the server calls it
	Description string // the server's own words, cleaned
	Schema      json.RawMessage
	// Hints are what the server says of the tool's effect; Effect is what is believed.
	ReadOnly, Idempotent bool
	Effect               core.Effect
	Allowed              bool // by the record of the server
}

// listed is a tool as a record keeps it.
type listed struct {
	Tool        string
	Description string          `json:",omitempty"`
	Schema      json.RawMessage `json:",omitempty"`
	ReadOnly    bool            `json:",omitempty"`
	Idempotent  bool            `json:",omitempty"`
}

type listDoc struct {
	Server string // its ID
	Number int64  // its Version
	At     time.Time
	Tools  []listed
	Left   int // how many were left out
}

// Offers returns the tools of a server: those that it listed last, if that isn't long ago and
// it hasn't said since that they have changed, or else those that it lists now. fresh asks it in
// any case.
func (s *Service) Offers(ctx context.Context, c tool.Call, srv Server, fresh bool) ([]Offer, error) {
	d, err := lists.Find(ctx, s.cfg.Records, c.Scope.Org, recordID(c.Scope.Project, srv.Name))
	if err != nil {
		return nil, err
	}
	known := d.Data.Server == srv.ID && d.Data.Number == srv.Version
	live := s.pool.current(c.Scope.Org, srv)
	changed := live != nil && live.stale.Load()
	if known && !fresh && !changed && s.cfg.Now().Sub(d.Data.At) < s.cfg.Fresh {
		return s.offers(srv, d.Data), nil
	}
	found, err := s.list(ctx, srv, c)
	if err != nil {
		return nil, err
	}
	return s.offers(srv, found), s.keepList(ctx, c.Scope, srv, found)
}

// list asks a server for its tools.
func (s *Service) list(ctx context.Context, srv Server, c tool.Call) (doc listDoc, err error) {
	err = s.retrying(ctx, srv, c, true, func(x *session) (err error) {
		doc, err = s.listOn(ctx, x, c)
		return err
	})
	return doc, err
}

// listOn is list on a session.
func (s *Service) listOn(ctx context.Context, x *session, c tool.Call) (listDoc, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Connect)
	defer cancel()
	x.stale.Store(false) // before it is asked: what changes meanwhile is asked for again
	all, err := ask(ctx, x, c, func(ctx context.Context) ([]*mcp.Tool, error) { return pages(ctx, x.client) })
	doc := listDoc{Server: x.server.ID, Number: x.server.Version, At: s.cfg.Now().UTC()}
	doc.Tools, doc.Left = keepable(all)
	return doc, err
}

// pages reads a server's list, as far as it is read.
func pages(ctx context.Context, cs *mcp.ClientSession) (all []*mcp.Tool, err error) {
	p := &mcp.ListToolsParams{}
	for range maxPages {
		got, err := cs.ListTools(ctx, p)
		if err != nil {
			return nil, err
		}
		all = append(all, got.Tools...)
		if got.NextCursor == "" || len(all) > maxTools {
			break
		}
		p = &mcp.ListToolsParams{Cursor: got.NextCursor}
	}
	return all, nil
}

// keepable returns what of a list is kept, by name, and how many of it aren't.
func keepable(all []*mcp.Tool) (kept []listed, left int) {
	seen, size := map[string]bool{}, 0
	for _, t := range all {
		if t.Name == "" || len(t.Name) > maxName || !isText(t.Name) || seen[t.Name] || len(kept) == maxTools {
			left++
			continue
		}
		schema := schemaOf(t.InputSchema)
		if size += len(schema); size > maxSchemas {
			left++
			continue
		}
		seen[t.Name] = true
		l := listed{Tool: t.Name, Description: cleaned(t.Description, maxDescription), Schema: schema}
		if t.Annotations != nil {
			l.ReadOnly, l.Idempotent = t.Annotations.ReadOnlyHint, t.Annotations.IdempotentHint
		}
		kept = append(kept, l)
	}
	slices.SortFunc(kept, func(a, b listed) int {
		if a.Tool < b.Tool {
			return -1
		}
		return 1
	})
	return kept, left
}

// anyObject is the schema of a tool whose own can't be used: the server checks what it is sent.
var anyObject = json.RawMessage(`{"type":"object"}`)

// schemaOf returns a server's schema with its texts cleaned, or anyObject.
func schemaOf(v any) json.RawMessage {
	m, ok := v.(map[string]any)
	if !ok {
		return anyObject
	}
	m, _ = tidied(m, 0).(map[string]any)
	delete(m, "$schema") // another draft's is read as far as it can be
	b, err := json.Marshal(m)
	if err != nil || len(b) > maxSchema {
		return anyObject
	}
	var schema jsonschema.Schema
	if json.Unmarshal(b, &schema) != nil || schema.Type != "object" {
		return anyObject
	}
	if _, err := schema.Resolve(nil); err != nil { // which loads nothing
		return anyObject
	}
	return b
}

// maxDeep bounds how deep a schema is.
const maxDeep = 24

// tidied returns a part of a schema with its texts cleaned, and without comments and examples.
func tidied(v any, deep int) any {
	if deep > maxDeep {
		return nil
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, in := range v {
			text, isText := in.(string)
			switch {
			case isText && (k == "description" || k == "title"):
				out[k] = cleaned(text, maxWords)
			case isText && k == "$comment":
			default:
				out[k] = tidied(in, deep+1)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, in := range v {
			out[i] = tidied(in, deep+1)
		}
		return out
	}
	return v
}

// offers are a list's tools as they are known here.
func (s *Service) offers(srv Server, d listDoc) []Offer {
	all := make([]string, len(d.Tools))
	for i, t := range d.Tools {
		all[i] = t.Tool
	}
	named, used := names(srv.Name, all, s.cfg.Taken), map[string]bool{}
	out := make([]Offer, 0, len(d.Tools))
	for _, t := range d.Tools {
		o := Offer{
			Name: named[t.Tool], Tool: t.Tool, Description: t.Description, Schema: t.Schema, ReadOnly: t.ReadOnly, Idempotent: t.Idempotent,
			Effect: core.Once, Allowed: srv.allows(t.Tool),
		}
		switch {
		case srv.Trust && t.ReadOnly:
			o.Effect = core.Pure
		case srv.Trust && t.Idempotent:
			o.Effect = core.Idempotent
		}
		if !used[o.Name] { // only on purpose are there two
			used[o.Name] = true
			out = append(out, o)
		}
	}
	return out
}
