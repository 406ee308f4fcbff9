package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) conversationCommand() *cobra.Command {
	c := group("conversation", "Look at conversations; isekai chat has them")
	c.AddCommand(sh.conversationList(), sh.conversationShow(), sh.conversationRename(), sh.conversationDelete())
	return c
}

func (sh *shell) conversationList() *cobra.Command {
	var o client.PageOptions
	c := &cobra.Command{Use: "list [WORDS...]", Short: "List the project's conversations, or those that have all of some words",
		Long: "List the project's conversations, those that were begun last first. With words, those whose title or messages have all of them;\n" +
			"of long messages, how they begin is looked at.",
		Example: "  isekai conversation list\n  isekai conversation list reading list",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Page[client.Conversation], error) {
				return c.Conversations(ctx, strings.Join(a, " "), o)
			}, func(w io.Writer, p client.Page[client.Conversation]) {
				rows := [][]string{{"CONVERSATION", "TITLE", "MESSAGES", "BEGUN"}}
				for _, x := range p.Items {
					rows = append(rows, []string{string(x.ID), cut(x.Title, 60), strconv.Itoa(x.Count), x.CreatedAt.Local().Format(time.DateTime)})
				}
				table(w, rows, "No conversations. Begin one: isekai chat", p.Next)
			})
		}}
	c.Flags().IntVar(&o.Limit, "limit", 50, "at most so many")
	c.Flags().StringVar(&o.Cursor, "cursor", "", "go on after a list before")
	return c
}

func (sh *shell) conversationShow() *cobra.Command {
	return &cobra.Command{Use: "show CONVERSATION", Short: "Show what was said, as Markdown", Args: args("a conversation"), Example: "  isekai conversation show cnv_01hx > talk.md",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Conversation, error) {
				talk, err := c.Conversation(ctx, core.ConversationID(a[0]))
				for i, m := range talk.Messages {
					if err != nil {
						return talk, err
					}
					if m.Cut {
						talk.Messages[i], err = c.Message(ctx, talk.ID, m.ID)
					}
				}
				return talk, err
			}, func(w io.Writer, talk client.Conversation) {
				fmt.Fprintf(w, "# %s\n", talk.Title)
				for _, m := range talk.Messages {
					fmt.Fprintf(w, "\n## %s, %s\n", m.Role, m.At.Local().Format(time.DateTime))
					if m.Parent != "" {
						fmt.Fprintf(w, "\n<!-- %s follows %s -->\n", m.ID, m.Parent)
					}
					fmt.Fprintf(w, "\n%s\n", strings.Map(visible, strings.TrimSpace(m.Text)))
					for _, f := range m.Files {
						fmt.Fprintf(w, "\n- attached: %s (%d bytes)\n", strings.Map(visible, f.Name), f.Size)
					}
					if m.Error != nil {
						fmt.Fprintf(w, "\n- %s: %s\n", m.Status, strings.Map(visible, m.Error.Msg))
					}
				}
			})
		}}
}

func (sh *shell) conversationRename() *cobra.Command {
	return &cobra.Command{Use: "rename CONVERSATION TITLE", Short: "Give a conversation another title", Args: args("a conversation", "a title"), Example: "  isekai conversation rename cnv_01hx 'The reading list'",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Conversation, error) {
				return c.ChangeConversation(ctx, core.ConversationID(a[0]), client.ConversationChange{Title: &a[1]})
			}, func(w io.Writer, talk client.Conversation) { fmt.Fprintf(w, "%s is %s now.\n", talk.ID, talk.Title) })
		}}
}

func (sh *shell) conversationDelete() *cobra.Command {
	return &cobra.Command{Use: "delete CONVERSATION", Short: "Delete a conversation, and cancel what is under way for it",
		Long: "Delete a conversation: nothing of it is shown any more, what is under way for it is canceled, and what it had remembered is forgotten.\n" +
			"As all events, its messages stay in the org's log, sealed, until the org's keys are shredded (isekai keys shred). Tasks and apps that came of it stay.",
		Args: args("a conversation"), Example: "  isekai conversation delete cnv_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			return sh.done(c, func(ctx context.Context, c *client.Client) error {
				return c.DeleteConversation(ctx, core.ConversationID(a[0]))
			}, "deleted", a[0],
				a[0]+" is deleted: nothing of it is shown any more. Its messages stay in the org's log, sealed, until the org's keys are shredded.\nTasks and apps that came of it are still there.")
		}}
}
