package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// history lists what was said, with numbers, and conversations, those with all of some words; or it
// shows the turn with a number again.
func (ch *chat) history(ctx context.Context, w io.Writer, what string) error {
	c := ch.conn.Client
	if n, err := strconv.Atoi(what); err == nil {
		return ch.turnAgain(ctx, n)
	}
	if what == "" {
		talk, err := c.Conversation(ctx, ch.in.ID)
		if err != nil {
			return err
		}
		for i, m := range said(talk) {
			fmt.Fprintf(w, "%5d  %s  %s\n", i+1, age(m.At), cut(m.Text, 60))
		}
	}
	p, err := c.Conversations(ctx, what, client.PageOptions{Limit: 20})
	for _, x := range p.Items {
		fmt.Fprintf(w, "%s  %s  %s\n", x.ID, age(x.UpdatedAt), cut(x.Title, 60))
	}
	return err
}

// said are a conversation's messages of people, in their order.
func said(talk client.Conversation) (all []client.Message) {
	for _, m := range talk.Messages {
		if m.Role == "user" {
			all = append(all, m)
		}
	}
	return all
}

// turnAgain shows a message and what it was answered.
func (ch *chat) turnAgain(ctx context.Context, n int) error {
	c := ch.conn.Client
	talk, err := c.Conversation(ctx, ch.in.ID)
	if err != nil {
		return err
	}
	all := said(talk)
	if n < 1 || n > len(all) {
		return core.E(core.Invalid, "", "there is no turn "+strconv.Itoa(n)).WithHint("/history lists them")
	}
	asked := all[n-1]
	for _, m := range talk.Messages {
		if m.ID != asked.ID && m.Parent != asked.ID {
			continue
		}
		if m.Cut {
			if m, err = c.Message(ctx, talk.ID, m.ID); err != nil {
				return err
			}
		}
		ch.view.message(m)
	}
	return nil
}
