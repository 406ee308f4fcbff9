package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Used is what tasks have used on one day with one model.
type Used struct {
	Day        string `json:"day" doc:"of the tasks' creation, UTC, as 2006-01-02"`
	Model      string `json:"model"`
	Tasks      int    `json:"tasks"`
	ModelCalls int    `json:"model_calls"`
	ToolCalls  int    `json:"tool_calls"`
	Input      int    `json:"input" doc:"model tokens"`
	Output     int    `json:"output" doc:"model tokens"`
	Seconds    int64  `json:"seconds" doc:"from the tasks' creation to their last event"`
}

// Projection is a view, and how it compares with the events.
type Projection struct {
	View        string       `json:"view"`
	Rows        int          `json:"rows" doc:"that the events say there are"`
	Differences []Difference `json:"differences"`
}

// Difference is a row of a view that isn't what the events say.
type Difference struct {
	ID   string `json:"id"`
	What string `json:"what" doc:"missing, left over, or the column that is wrong"`
}

// Backup is a copy of the installation.
type Backup struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Events int64     `json:"events"`
	Orgs   int       `json:"orgs"`
	Blobs  int       `json:"blobs"`
}

// Usage returns what the project's tasks of the last days have used, newest day first.
func (c *Client) Usage(ctx context.Context, days int) ([]Used, error) {
	var used []Used
	_, err := c.call(ctx, request{method: http.MethodGet, path: "/v1/usage", query: url.Values{"days": {strconv.Itoa(days)}}}, &used)
	return used, err
}

// RebuildProjection builds a view anew from the events, and then puts it in the place
// of the live one.
func (c *Client) RebuildProjection(ctx context.Context, view string) (Projection, error) {
	return c.projection(ctx, view, "rebuild")
}

// VerifyProjection builds a view anew and compares the live one with it.
func (c *Client) VerifyProjection(ctx context.Context, view string) (Projection, error) {
	return c.projection(ctx, view, "verify")
}

func (c *Client) projection(ctx context.Context, view, verb string) (Projection, error) {
	var p Projection
	_, err := c.call(ctx, request{method: http.MethodPost, path: "/v1/projections/" + url.PathEscape(view) + "/" + verb, query: ofOrg(c.about)}, &p)
	return p, err
}

// TakeBackup makes a backup.
func (c *Client) TakeBackup(ctx context.Context) (Backup, error) {
	var b Backup
	_, err := c.call(ctx, request{method: http.MethodPost, path: "/v1/backups"}, &b)
	return b, err
}

// Backups returns the backups, newest first.
func (c *Client) Backups(ctx context.Context) ([]Backup, error) {
	var all []Backup
	_, err := c.call(ctx, request{method: http.MethodGet, path: "/v1/backups"}, &all)
	return all, err
}

// DeadLetter is an event that a consumer couldn't apply.
type DeadLetter struct {
	Consumer string        `json:"consumer"`
	Stream   core.StreamID `json:"stream"`
	Version  int64         `json:"version"`
	Event    core.EventID  `json:"event"`
	Type     string        `json:"type" doc:"the event's"`
	Reason   string        `json:"reason"`
	Tries    int           `json:"tries"`
	At       time.Time     `json:"at" doc:"when the consumer gave up"`
}

// DeadLetterDetail is a dead letter with its event.
type DeadLetterDetail struct {
	DeadLetter
	Content Event `json:"content"`
}

// LetterOptions select a page of dead letters.
type LetterOptions struct {
	Consumer string
	Cursor   string
	Limit    int
}

// DeadLetters returns a page of the org's dead letters.
func (c *Client) DeadLetters(ctx context.Context, o LetterOptions) (Page[DeadLetter], error) {
	q := with(PageOptions{o.Cursor, o.Limit}.query(), "consumer", o.Consumer, "org", string(c.about))
	var p Page[DeadLetter]
	_, err := c.call(ctx, request{method: http.MethodGet, path: "/v1/deadletters", query: q}, &p)
	return p, err
}

func letterPath(consumer string, stream core.StreamID, version int64) string {
	return "/v1/deadletters/" + url.PathEscape(consumer) + "/" + url.PathEscape(string(stream)) + "/" + strconv.FormatInt(version, 10)
}

// DeadLetter returns a dead letter with its event.
func (c *Client) DeadLetter(ctx context.Context, consumer string, stream core.StreamID, version int64) (DeadLetterDetail, error) {
	var d DeadLetterDetail
	_, err := c.call(ctx, request{method: http.MethodGet, path: letterPath(consumer, stream, version), query: ofOrg(c.about)}, &d)
	return d, err
}

// Replayed are the events that a replay has applied.
type Replayed struct {
	Applied []int64 `json:"applied" doc:"their versions"`
}

// Dropped says what is left of a stream's dead letters.
type Dropped struct {
	Behind int64 `json:"behind" doc:"version of the stream's next letter; 0: none. If the consumer waits, it is what to replay now"`
}

// ReplayDeadLetter gives the event to its consumer once more, and those of its stream
// that wait behind it.
func (c *Client) ReplayDeadLetter(ctx context.Context, consumer string, stream core.StreamID, version int64) (Replayed, error) {
	var r Replayed
	_, err := c.call(ctx, request{method: http.MethodPost, path: letterPath(consumer, stream, version) + "/replay", query: ofOrg(c.about)}, &r)
	return r, err
}

// DropDeadLetter removes a dead letter without applying its event.
func (c *Client) DropDeadLetter(ctx context.Context, consumer string, stream core.StreamID, version int64) (Dropped, error) {
	var d Dropped
	_, err := c.call(ctx, request{method: http.MethodDelete, path: letterPath(consumer, stream, version), query: ofOrg(c.about)}, &d)
	return d, err
}

// KeyReport says what was done to keys.
type KeyReport struct {
	Orgs int `json:"orgs" doc:"whose keys were changed"`
}

// RotateKeys gives an org, or every org if it is empty, a new key. What the old ones
// have closed still opens.
func (c *Client) RotateKeys(ctx context.Context, org core.OrgID) (KeyReport, error) {
	var r KeyReport
	_, err := c.call(ctx, request{method: http.MethodPost, path: "/v1/keys/rotate", body: map[string]any{"org": org}}, &r)
	return r, err
}

// RotateMasterKey makes a new master key, closes every org's keys with it and destroys
// the old one.
func (c *Client) RotateMasterKey(ctx context.Context) (KeyReport, error) {
	var r KeyReport
	_, err := c.call(ctx, request{method: http.MethodPost, path: "/v1/keys/rotate-master"}, &r)
	return r, err
}

// RotateSigningKeys replaces the keys that access tokens are signed with: all of those end,
// and sessions go on with new ones.
func (c *Client) RotateSigningKeys(ctx context.Context) error {
	_, err := c.call(ctx, request{method: http.MethodPost, path: "/v1/keys/rotate-signing"}, nil)
	return err
}

// ShredKeys destroys an org's keys, for good; confirm is the org's id once more.
func (c *Client) ShredKeys(ctx context.Context, org, confirm core.OrgID) (KeyReport, error) {
	var r KeyReport
	_, err := c.call(ctx, request{method: http.MethodPost, path: "/v1/keys/shred", body: map[string]any{"org": org, "confirm": confirm}}, &r)
	return r, err
}
