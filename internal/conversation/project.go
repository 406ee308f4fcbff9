package conversation

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// View is the name of the view that lists conversations.
const View = "conversations"

// The statuses of rows.
const (
	Active  = "active"
	deleted = "deleted"
)

// Bounds of lists.
const (
	maxFound = 64 << 10 // bytes of what was said that a row has to be found by
	maxOne   = 4 << 10  // of one message
	maxLook  = 2000     // rows that one search looks at
)

// Summary is a conversation as lists show it: the data of a row of View.
type Summary struct {
	ID        core.ConversationID `json:"id"`
	Title     string              `json:"title"`
	Model     string              `json:"model,omitempty"`
	Remember  bool                `json:"remember,omitempty"`
	By        core.Actor          `json:"by"`
	Messages  int                 `json:"messages"`
	CreatedAt time.Time           `json:"created_at"`
	UpdatedAt time.Time           `json:"updated_at"`
	// Said is what it is found by: the newest of what was said, in lower case. Long messages aren't in
	// it whole.
	Said string `json:"said,omitempty"`
}

// NewProjector returns the consumer of the bus that keeps View.
func NewProjector(st store.ProjectorStore) *store.Projector {
	wanted := map[string]bool{
		core.ConversationStarted{}.EventType(): true, core.ConversationChanged{}.EventType(): true,
		core.MessageAdded{}.EventType(): true, core.ConversationDeleted{}.EventType(): true,
	}
	return &store.Projector{
		Store: st, View: View,
		Wants: func(eventType string) bool { return wanted[eventType] },
		Row: func(events []core.Event) (store.Row, error) {
			s, err := Fold(State{}, events...)
			if err != nil {
				return store.Row{}, err
			}
			return s.row()
		},
	}
}

func (s State) row() (store.Row, error) {
	r := store.Row{ID: string(s.ID), Project: s.Project, Kind: "conversation", Status: Active, Sort: s.CreatedAt.UnixMilli()}
	sum := Summary{
		ID: s.ID, Title: s.Title, Model: s.Model, Remember: s.Remember, By: s.By, Messages: len(s.Messages),
		CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Said: s.said(),
	}
	if s.Deleted {
		r.Status, sum = deleted, Summary{ID: s.ID}
	}
	var err error
	if r.Data, err = json.Marshal(sum); err != nil {
		return store.Row{}, fmt.Errorf("project conversation: %w", err)
	}
	return r, nil
}

// said is what a conversation is found by. A row is made of events alone, which have the lead of
// what is in blobs.
func (s State) said() string {
	var parts []string
	room := maxFound
	for i := len(s.Messages) - 1; i >= 0 && room > 0; i-- {
		text := s.Messages[i].Text.Text + s.Messages[i].Lead
		for _, f := range s.Messages[i].Files {
			text += "\n" + f.Name
		}
		text = strings.ToLower(clip(text, min(maxOne, room)))
		parts, room = append(parts, text), room-len(text)
	}
	return strings.Join(parts, "\n")
}

// List returns a page of the project's conversations, those that were begun last first. With a query,
// they are those whose title or messages have all of its words; next goes on from there.
func (s *Service) List(ctx context.Context, scope core.Scope, query, cursor string, limit int) (found []Summary, next string, err error) {
	words := strings.Fields(strings.ToLower(query))
	if limit <= 0 || limit > 200 {
		limit = 50
	}
	for looked := 0; ; {
		page, err := s.cfg.Views.List(ctx, scope.Org, View, store.Query{Project: scope.Project, Status: Active, After: cursor, Limit: limit})
		if err != nil {
			return nil, "", err
		}
		for _, r := range page.Rows {
			var sum Summary
			if err := json.Unmarshal(r.Data, &sum); err != nil {
				return nil, "", core.E(core.Internal, "conversation.view", "row "+r.ID+" doesn't decode").Because(err)
			}
			if sum.has(words) {
				sum.Said = ""
				found = append(found, sum)
			}
		}
		cursor, looked = page.Next, looked+len(page.Rows)
		if cursor == "" || len(words) == 0 || len(found) >= limit || looked >= maxLook {
			return found, cursor, nil
		}
	}
}

func (s Summary) has(words []string) bool {
	text := strings.ToLower(s.Title) + "\n" + s.Said
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
