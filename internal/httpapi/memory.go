package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/recall"
)

type (
	newDocument struct{ Body client.NewDocument }
	// DocumentPath names a document of the project.
	DocumentPath struct {
		Document string `path:"document" maxLength:"64" example:"doc_01hx"`
	}
	dropDocument struct {
		DocumentPath
		MatchHeader
	}
	documentAnswer struct {
		ETag string `header:"ETag"`
		Body client.Document
	}
	question         struct{ Body client.Question }
	settingsOfMemory struct {
		MatchHeader
		Body client.MemorySettings
	}
	memorySettingsAnswer struct {
		ETag string `header:"ETag"`
		Body client.MemorySettings
	}
)

// memory are the routes to a project's documents and facts, and to what is found in them.
func (s *server) memory() {
	s.documents()
	s.facts()
	tags := []string{"memory"}
	handle(s, identity.MemoryRead, huma.Operation{
		OperationID: "recall", Method: http.MethodPost, Path: "/v1/recall", Summary: "Find what is about a question in the project's documents and facts", Tags: tags,
		Description: "By words and by meaning, with the place of each. What wasn't looked at, or how, is in lacks.",
	}, func(ctx context.Context, scope core.Scope, in *question) (*reply[client.Recalled], error) {
		a, err := s.cfg.Memory.Recall(ctx, scope, recall.Query{Text: in.Body.Question, Limit: in.Body.Limit, Kind: in.Body.Kind})
		return replied(a, err, wireRecalled)
	})
	handle(s, identity.MemoryRead, huma.Operation{
		OperationID: "show-memory-settings", Method: http.MethodGet, Path: "/v1/memory/settings", Summary: "Show what the project has said about its memory", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, _ *struct{}) (*memorySettingsAnswer, error) {
		return memorySettingsShown(s.cfg.Memory.Settings(ctx, scope))
	})
	handle(s, identity.MemoryAllow, huma.Operation{
		OperationID: "set-memory-settings", Method: http.MethodPut, Path: "/v1/memory/settings", Summary: "Say whether facts may be remembered, for how long, and what makes embeddings", Tags: tags,
		Description: "With another model all is embedded anew. What is remembered stays, until it is forgotten.",
	}, s.setMemory)
	handle(s, identity.MemoryWrite, huma.Operation{
		OperationID: "reindex-memory", Method: http.MethodPost, Path: "/v1/memory/reindex", Summary: "Have all that the project keeps be read and embedded anew", Tags: tags,
		Description: "It is done in the background; meanwhile all is found as it was.",
	}, func(ctx context.Context, scope core.Scope, _ *struct{}) (*reply[client.Counted], error) {
		n, err := s.cfg.Memory.Reindex(ctx, scope)
		if err == nil {
			err = s.recordOf(ctx, scope, "memory.reindex", "", map[string]string{"count": strconv.Itoa(n)})
		}
		return replied(n, err, countOf)
	})
}

// recordOf keeps what was done to a project's memory, without what was said.
func (s *server) recordOf(ctx context.Context, scope core.Scope, action, target string, detail map[string]string) error {
	return s.record(ctx, scope.Org, auditlog.Entry{Action: action, Project: scope.Project, Target: target, Detail: detail})
}

func countOf(n int) client.Counted { return client.Counted{Count: n} }

func (s *server) setMemory(ctx context.Context, scope core.Scope, in *settingsOfMemory) (*memorySettingsAnswer, error) {
	revision, err := in.version()
	if err != nil {
		return nil, err
	}
	set, err := s.cfg.Memory.Set(ctx, scope, recall.Settings{Revision: revision, Remember: in.Body.Remember, Days: in.Body.Days, Model: in.Body.Model})
	if err == nil {
		err = s.recordOf(ctx, scope, "memory.settings", string(scope.Project), map[string]string{
			"remember": strconv.FormatBool(set.Remember), "days": strconv.Itoa(set.Days), "model": set.Model,
		})
	}
	return memorySettingsShown(set, err)
}

func memorySettingsShown(s recall.Settings, err error) (*memorySettingsAnswer, error) {
	if err != nil {
		return nil, err
	}
	a := &memorySettingsAnswer{Body: client.MemorySettings{Remember: s.Remember, Days: s.Days, Model: s.Model}}
	if s.Revision > 0 {
		a.ETag = etag(s.Revision)
	}
	return a, nil
}

func wireRecalled(a recall.Answer) client.Recalled {
	return client.Recalled{Lacks: a.Lacks, Hits: each(a.Hits, func(h recall.Hit) client.RecalledHit {
		return client.RecalledHit{
			Kind: h.Kind, ID: h.Document, Title: h.Title, Source: h.Source, Cite: h.Cite(), Page: h.Page, Line: h.Line, End: h.End, Heading: h.Heading,
			Text: h.Text, Score: h.Score, ByWords: h.ByWords, ByMeaning: h.ByMeaning,
		}
	})}
}

const documentsPath = "/v1/documents"

func (s *server) documents() {
	tags := []string{"memory"}
	const path = documentsPath
	handle(s, identity.MemoryRead, huma.Operation{
		OperationID: "list-documents", Method: http.MethodGet, Path: path, Summary: "List the project's documents, in the order in which they came", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *PageQuery) (*reply[client.Page[client.Document]], error) {
		all, next, err := s.cfg.Memory.List(ctx, scope, in.Cursor, in.Limit)
		return paged(all, next, err, wireDocument)
	})
	handle(s, identity.MemoryWrite, huma.Operation{
		OperationID: "add-document", Method: http.MethodPost, Path: path, Summary: "Keep a document, to be found by what it says", Tags: tags, DefaultStatus: http.StatusCreated,
		Description: "One of the project's with the same source is replaced, in one step. Without a model of embeddings it is found by its words alone, which its state says.",
	}, s.addDocument)
	handle(s, identity.MemoryRead, huma.Operation{
		OperationID: "show-document", Method: http.MethodGet, Path: path + "/{document}", Summary: "Show what is known of a document", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *DocumentPath) (*documentAnswer, error) {
		return documentShown(s.cfg.Memory.Document(ctx, scope, in.Document))
	})
	handle(s, identity.MemoryRead, huma.Operation{
		OperationID: "document-content", Method: http.MethodGet, Path: path + "/{document}/content", Summary: "Show a document as it came", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *DocumentPath) (*reply[client.DocumentContent], error) {
		d, content, err := s.cfg.Memory.Content(ctx, scope, in.Document)
		return replied(d, err, func(d recall.Document) client.DocumentContent {
			return client.DocumentContent{Document: wireDocument(d), Content: content}
		})
	})
	handle(s, identity.MemoryWrite, huma.Operation{
		OperationID: "delete-document", Method: http.MethodDelete, Path: path + "/{document}", Summary: "Remove a document with all that is of it", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *dropDocument) (*struct{}, error) {
		revision, err := in.version()
		if err == nil {
			err = s.cfg.Memory.Remove(ctx, scope, in.Document, revision)
		}
		if err == nil {
			err = s.recordOf(ctx, scope, "document.delete", in.Document, nil)
		}
		return nil, err
	})
}

func (s *server) addDocument(ctx context.Context, scope core.Scope, in *newDocument) (*documentAnswer, error) {
	n := recall.NewDocument{Title: in.Body.Title, Source: in.Body.Source, Kind: in.Body.Kind, Data: in.Body.Content}
	switch {
	case in.Body.Text != "" && len(n.Data) > 0:
		return nil, core.E(core.Invalid, "document", "both text and content").WithHint("send one of them")
	case in.Body.Text != "":
		n.Data = []byte(in.Body.Text)
	}
	d, err := s.cfg.Memory.Add(ctx, scope, n)
	if err == nil {
		err = s.recordOf(ctx, scope, "document.add", d.ID, map[string]string{"kind": string(d.Kind), "bytes": strconv.FormatInt(d.Size, 10)})
	}
	return documentShown(d, err)
}

func documentShown(d recall.Document, err error) (*documentAnswer, error) {
	if err != nil {
		return nil, err
	}
	return &documentAnswer{ETag: etag(d.Revision), Body: wireDocument(d)}, nil
}

func wireDocument(d recall.Document) client.Document {
	return client.Document{
		ID: d.ID, Title: d.Title, Source: d.Source, Kind: string(d.Kind), Size: d.Size, Cut: d.Cut, State: string(d.State), Why: d.Why, Parts: d.Parts, Model: d.Model,
		By: d.By, Created: d.Created, Changed: d.Changed,
	}
}
