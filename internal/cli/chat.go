package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// maxAttached bounds a file that comes with a message, in bytes, and maxText what is piped in.
const (
	maxAttached = 8 << 20
	maxText     = 1 << 20
)

// chat is a conversation at the command line.
type chat struct {
	sh    *shell
	conn  *Conn
	in    client.Conversation
	next  client.NewMessage // what the next message comes with
	last  client.NewMessage // the last one that was sent, and
	sent  core.MessageID    // what it became
	task  atomic.Value      // core.TaskID: what answers it
	leaf  core.MessageID    // what the next one answers; "" begins the conversation
	model string
	view  *chatView
	edit  *editor // nil: one turn, and nobody to ask
}

func (sh *shell) chatCommand() *cobra.Command {
	var begin client.NewConversation
	var resume, route, skill string
	var files []string
	var goOn bool
	c := &cobra.Command{Use: "chat [TEXT]", Short: "Talk with a model that has tools, skills, tasks and apps at hand",
		Long:    "Talk with a model that has tools, skills, tasks and apps at hand. With TEXT, or what is piped in, it is one turn.\nAt a terminal: Ctrl-C interrupts an answer, Ctrl-D ends, /help lists the commands.",
		Example: "  isekai chat\n  isekai chat --continue\n  isekai chat \"what is in it?\" --file report.pdf",
		RunE: func(c *cobra.Command, args []string) error {
			text := strings.Join(args, " ")
			if text == "" && sh.terminal() == nil {
				b, err := io.ReadAll(io.LimitReader(sh.io.In, maxText))
				if err != nil {
					return core.E(core.Invalid, "", "the input can't be read").Because(err)
				}
				if text = strings.TrimSpace(string(b)); text == "" {
					return core.E(core.Invalid, "", "nothing was said").WithHint(`say something, as in: isekai chat "what can you do?"`)
				}
			}
			next := client.NewMessage{Route: core.Route(route), Skill: skill, Model: begin.Model}
			for _, name := range files {
				f, err := attached(name)
				if err != nil {
					return err
				}
				next.Files = append(next.Files, f)
			}
			return sh.with(c.Context(), Working, func(conn *Conn) error {
				ch := &chat{sh: sh, conn: conn, next: next, model: begin.Model}
				if err := ch.open(c.Context(), core.ConversationID(resume), goOn, begin); err != nil {
					return err
				}
				if text != "" {
					return ch.once(c.Context(), text)
				}
				return ch.talk(c.Context())
			})
		}}
	f := c.Flags()
	f.StringVar(&begin.Model, "model", "", "model to use")
	f.BoolVar(&begin.Remember, "remember", false, "let it be remembered beyond the conversation")
	f.BoolVar(&goOn, "continue", false, "go on with the newest conversation")
	f.StringVar(&resume, "resume", "", "go on with this conversation")
	f.StringVar(&route, "route", "", "what the message leads to: chat, skill, task or app (default: as it is understood)")
	f.StringVar(&skill, "skill", "", "answer by this skill")
	f.StringArrayVar(&files, "file", nil, "send this file along; may be given several times")
	return c
}

// attached reads a file that is sent along.
func attached(name string) (client.NewFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return client.NewFile{}, core.E(core.Invalid, "", "the file "+name+" can't be read").Because(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxAttached+1))
	if err == nil && len(b) > maxAttached {
		err = fmt.Errorf("it has more than %d bytes", maxAttached)
	}
	if err != nil {
		return client.NewFile{}, core.E(core.Invalid, "", "the file "+name+" can't be sent").Because(err)
	}
	return client.NewFile{Name: filepath.Base(name), Content: b}, nil
}

// open begins a conversation, or goes on with one.
func (ch *chat) open(ctx context.Context, id core.ConversationID, newest bool, begin client.NewConversation) (err error) {
	c := ch.conn.Client
	if newest && id == "" {
		p, err := c.Conversations(ctx, "", client.PageOptions{Limit: 1})
		if err != nil {
			return err
		}
		if len(p.Items) > 0 {
			id = p.Items[0].ID
		}
	}
	ch.leaf, ch.last, ch.sent = "", client.NewMessage{}, ""
	if id == "" {
		ch.in, err = c.CreateConversation(ctx, begin, core.NewID("key"))
		return err
	}
	if ch.in, err = c.Conversation(ctx, id); err != nil {
		return err
	}
	for _, m := range ch.in.Messages {
		ch.leaf = m.ID
		if m.Role == "user" {
			ch.last, ch.sent = client.NewMessage{Text: m.Text}, m.ID
		}
	}
	return nil
}

// once is one turn, which nobody steers.
func (ch *chat) once(ctx context.Context, text string) error {
	sh := ch.sh
	f, ok := sh.io.Out.(*os.File)
	show := func(core.Event, int) error { return nil }
	switch {
	case sh.json:
		show = func(e core.Event, _ int) error { return sh.printJSON(e) }
	case ok && term.IsTerminal(int(f.Fd())):
		ch.view = newChatView(f, styled(f))
		show = ch.view.show
	}
	var reply func(core.ApprovalRequested) (client.Reply, error)
	if sh.attended() {
		reply = func(q core.ApprovalRequested) (client.Reply, error) { return sh.reply(ctx, q) }
	}
	t, err := ch.turn(ctx, text, show, reply)
	if err != nil {
		return err
	}
	if ch.view != nil {
		ch.view.end(t)
	}
	if t.Status != core.StatusSucceeded {
		return sh.unsuccessful(t)
	}
	if ch.view != nil {
		return nil
	}
	return sh.print(result{Type: "result", Task: t}, plainly(strings.TrimSpace(t.Answer)))
}

// turn says something and follows the task that answers it, and its parts, to its end, or to a
// question that nobody is there to answer: t is the task that asks it. reply may be nil.
func (ch *chat) turn(ctx context.Context, text string, show func(core.Event, int) error, reply func(core.ApprovalRequested) (client.Reply, error)) (t client.TaskDetail, err error) {
	n := ch.next
	n.Text = text
	if n.Parent == nil && ch.leaf != "" {
		n.Parent = &ch.leaf
	}
	sent, err := ch.conn.Client.SendMessage(ctx, ch.in.ID, n, core.NewID("key"))
	if err != nil {
		return t, err
	}
	ch.next = client.NewMessage{Model: ch.model}
	ch.last, ch.sent = n, sent.ID
	ch.task.Store(sent.Task)
	f := family{root: sent.Task, of: map[core.TaskID]*member{sent.Task: {id: sent.Task}}, show: show, ask: reply}
	err = ch.conn.do(ctx, func(c *client.Client) (err error) {
		t, err = f.hear(ctx, c)
		return err
	})
	if ctx.Err() != nil {
		err = ch.sh.interrupted(sent.Task)
	}
	ch.leaf = "" // the server's newest, which its answer is
	return t, err
}

// styled reports whether escapes are wanted at a terminal (no-color.org).
func styled(f *os.File) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}
