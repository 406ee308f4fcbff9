package client

import (
	"context"
	"net/http"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Document is a document that a project keeps.
type Document struct {
	ID      string     `json:"id"`
	Title   string     `json:"title"`
	Source  string     `json:"source" doc:"its file's name or address; another document of the same source replaces it"`
	Kind    string     `json:"kind" enum:"text,markdown,html,csv,code,pdf"`
	Size    int64      `json:"size" doc:"bytes"`
	Cut     bool       `json:"cut,omitempty" doc:"not all of it was taken: it is too long"`
	State   string     `json:"state" enum:"indexed,words,waiting,failed" doc:"how it is found: by words and meaning, by words alone, as it was before, or not at all"`
	Why     string     `json:"why,omitempty" doc:"why it isn't indexed"`
	Parts   int        `json:"parts"`
	Model   string     `json:"model,omitempty" doc:"whose embeddings it is found by"`
	By      core.Actor `json:"by"`
	Created time.Time  `json:"created"`
	Changed time.Time  `json:"changed" doc:"when it got the content that it has"`
	ETag    string     `json:"-"`
}

// NewDocument is a document to be kept: as text, or as bytes.
type NewDocument struct {
	Source  string `json:"source" minLength:"1" maxLength:"1000" doc:"its file's name or address; a document that has it already is replaced" example:"handbook.md"`
	Title   string `json:"title,omitempty" maxLength:"300" doc:"default: what it says of itself"`
	Kind    string `json:"kind,omitempty" maxLength:"100" doc:"text, markdown, html, csv, code, pdf, or a media type; default: by source and content"`
	Text    string `json:"text,omitempty" doc:"the content, of what is text"`
	Content []byte `json:"content,omitempty" doc:"the content, in base64; at most 8 MiB"`
}

// DocumentContent is a document as it came.
type DocumentContent struct {
	Document
	Content []byte `json:"content"`
}

// Question asks a project's memory.
type Question struct {
	Question string `json:"question" minLength:"1" maxLength:"4000"`
	Limit    int    `json:"limit,omitempty" minimum:"0" maximum:"50" doc:"default: 8"`
	Kind     string `json:"kind,omitempty" enum:"document,fact," doc:"default: both"`
}

// Recalled is what was found, the best first.
type Recalled struct {
	Hits  []RecalledHit `json:"hits"`
	Lacks []string      `json:"lacks,omitempty" doc:"what wasn't looked at, or how: that all was found by words alone, say, and why"`
}

// RecalledHit is a part of a document, or a fact.
type RecalledHit struct {
	Kind      string  `json:"kind" enum:"document,fact"`
	ID        string  `json:"id" doc:"the document's, or the fact's"`
	Title     string  `json:"title"`
	Source    string  `json:"source,omitempty"`
	Cite      string  `json:"cite" doc:"title and place, for a person"`
	Page      int     `json:"page,omitempty"`
	Line      int     `json:"line,omitempty"`
	End       int     `json:"end,omitempty" doc:"the last line"`
	Heading   string  `json:"heading,omitempty"`
	Text      string  `json:"text"`
	Score     float64 `json:"score" doc:"for comparison with the others of the answer"`
	ByWords   int     `json:"by_words,omitempty" doc:"its place among those found by words"`
	ByMeaning int     `json:"by_meaning,omitempty" doc:"its place among those found by meaning"`
}

// Fact is something that a project remembers.
type Fact struct {
	ID      string      `json:"id"`
	Text    string      `json:"text"`
	By      core.Actor  `json:"by"`
	Task    core.TaskID `json:"task,omitempty" doc:"that it was said in"`
	Source  string      `json:"source,omitempty" doc:"the conversation that it was said in"`
	State   string      `json:"state" enum:"indexed,words,waiting,failed"`
	Why     string      `json:"why,omitempty"`
	Created time.Time   `json:"created"`
	Expires *time.Time  `json:"expires,omitempty"`
}

// NewFact is something to be remembered.
type NewFact struct {
	Text string `json:"text" minLength:"1" maxLength:"1500"`
	Days int    `json:"days,omitempty" minimum:"0" maximum:"3650" doc:"until it is forgotten; default: as the project has set"`
}

// MemorySettings are what a project has said about its memory.
type MemorySettings struct {
	Remember bool   `json:"remember" doc:"facts of conversations and tasks may be kept"`
	Days     int    `json:"days" minimum:"0" maximum:"3650" doc:"after which facts are forgotten; 0: 180"`
	Model    string `json:"model,omitempty" maxLength:"200" doc:"a model or route of the gateway that makes embeddings; default: the installation's"`
	ETag     string `json:"-"`
}

// Counted says how many.
type Counted struct {
	Count int `json:"count"`
}

const documentsPath, memoriesPath = "/v1/documents", "/v1/memories"

// AddDocument keeps a document, and replaces the one of its source.
func (c *Client) AddDocument(ctx context.Context, n NewDocument, idempotencyKey string) (Document, error) {
	return create[Document](ctx, c, documentsPath, n, idempotencyKey)
}

// Documents returns a page of the project's, in the order in which they came.
func (c *Client) Documents(ctx context.Context, o PageOptions) (Page[Document], error) {
	return get[Page[Document]](ctx, c, documentsPath, o.query())
}

// Document returns one.
func (c *Client) Document(ctx context.Context, id string) (out Document, err error) {
	out.ETag, err = c.call(ctx, request{method: http.MethodGet, path: documentsPath + "/" + escape(id)}, &out)
	return out, err
}

// DocumentContent returns one as it came.
func (c *Client) DocumentContent(ctx context.Context, id string) (DocumentContent, error) {
	return get[DocumentContent](ctx, c, documentsPath+"/"+escape(id)+"/content", nil)
}

// DeleteDocument removes one with all that is of it. etag is that of the one it is based on; "":
// whatever is there.
func (c *Client) DeleteDocument(ctx context.Context, id, etag string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: documentsPath + "/" + escape(id), header: map[string]string{"If-Match": etag}}, nil)
	return err
}

// Reindex has all that the project keeps be read and embedded anew.
func (c *Client) Reindex(ctx context.Context) (Counted, error) {
	return send[Counted](ctx, c, http.MethodPost, "/v1/memory/reindex", nil)
}

// Recall finds what is about a question.
func (c *Client) Recall(ctx context.Context, q Question) (Recalled, error) {
	return send[Recalled](ctx, c, http.MethodPost, "/v1/recall", q)
}

// Remember keeps a fact.
func (c *Client) Remember(ctx context.Context, n NewFact, idempotencyKey string) (Fact, error) {
	return create[Fact](ctx, c, memoriesPath, n, idempotencyKey)
}

// Facts returns all that the project remembers.
func (c *Client) Facts(ctx context.Context) ([]Fact, error) {
	return get[[]Fact](ctx, c, memoriesPath, nil)
}

// Forget removes a fact.
func (c *Client) Forget(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, memoriesPath+"/"+escape(id), nil)
}

// ForgetAll removes all facts of the project.
func (c *Client) ForgetAll(ctx context.Context) (Counted, error) {
	return send[Counted](ctx, c, http.MethodDelete, memoriesPath, nil)
}

// MemorySettings returns the project's.
func (c *Client) MemorySettings(ctx context.Context) (out MemorySettings, err error) {
	out.ETag, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/memory/settings"}, &out)
	return out, err
}

// SetMemorySettings sets them. etag is that of those they are based on; "": whatever is there.
func (c *Client) SetMemorySettings(ctx context.Context, n MemorySettings, etag string) (out MemorySettings, err error) {
	out.ETag, err = c.call(ctx, request{method: http.MethodPut, path: "/v1/memory/settings", body: n, header: map[string]string{"If-Match": etag}}, &out)
	return out, err
}
