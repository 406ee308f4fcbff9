package httpapi

import (
	"context"
	"io"

	"github.com/isekai-run/isekai/internal/core"
)

// openTask begins to follow a task's events.
func (c *channel) openTask(ctx context.Context, scope core.Scope) error {
	if err := checkID("task", c.id); err != nil {
		return err
	}
	id := core.TaskID(c.id)
	st, err := c.live.cfg.Tasks.Get(ctx, scope, id)
	if err != nil {
		return err
	}
	c.tail(scope, id.Stream(), core.TaskFinished{}.EventType())
	if c.target = st.Version; st.Finished != nil && c.after >= st.Version { // a reader that missed nothing but the end
		c.end()
		return io.EOF
	}
	return nil
}

// openConversation begins to follow a conversation's events.
func (c *channel) openConversation(ctx context.Context, scope core.Scope) error {
	id := core.ConversationID(c.id)
	st, err := c.live.cfg.Conversations.Get(ctx, scope, id)
	if err != nil {
		return err
	}
	c.tail(scope, id.Stream(), core.ConversationDeleted{}.EventType())
	c.target = st.Version
	return nil
}

// tail begins to follow a stream.
func (c *channel) tail(scope core.Scope, of core.StreamID, last string) {
	c.changed, c.stop = c.live.cfg.Watch(scope.Org, of)
	c.from = &tail{events: c.live.cfg.Events, to: c, org: scope.Org, of: of, last: last, after: c.after}
}

// openEvents begins to follow the events of the project that its reader may see.
func (c *channel) openEvents(ctx context.Context, scope core.Scope) error {
	cfg := c.live.cfg.Feed
	head, err := cfg.Stored.Head(ctx, scope.Org)
	if err != nil {
		return err
	}
	if !c.placed {
		c.after = head
	}
	c.target = head
	c.changed, c.stop = cfg.Watch(scope.Org)
	c.from = &feed{server: c.live.server, to: c, org: scope.Org, who: c.as.who, at: c.after, told: -1}
	return nil
}
