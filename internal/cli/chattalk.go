package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// talk goes on until the person ends it.
func (ch *chat) talk(ctx context.Context) error {
	in := ch.sh.terminal()
	out, ok := ch.sh.io.Out.(*os.File)
	if in == nil || !ok || ch.sh.json {
		return core.E(core.Invalid, "", "nothing was said").WithHint("a conversation of several turns takes a terminal; TEXT is one turn")
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return core.E(core.Unavailable, "", "the terminal can't be read").Because(err)
	}
	defer func() { _ = term.Restore(int(in.Fd()), before) }()
	file := ""
	if k, ok := ch.sh.kept(); ok {
		file = filepath.Join(k.dir, "chat-history")
	}
	ch.edit = &editor{keys: newKeys(in), out: out, past: newPast(file, ch.sh.io.Clean)}
	ch.view = newChatView(out, styled(out))
	ch.view.dim("conversation " + string(ch.in.ID) + " " + ch.in.Title + "  /help lists the commands")
	ended := false
	for {
		said, err := ch.edit.read("> ")
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errAgain) && ended, ctx.Err() != nil:
			return nil
		case errors.Is(err, errAgain):
			ended = true
			ch.view.dim("Ctrl-C again, or Ctrl-D, ends")
			continue
		case err != nil:
			return err
		}
		ended = false
		if said == "" {
			continue
		}
		ch.edit.past.keep(said)
		quit, err := ch.heed(ctx, said)
		if err != nil {
			f := core.Fail(err)
			ch.view.dim(f.Msg + "  " + f.Hint)
		}
		if quit {
			return nil
		}
	}
}

// say is a turn, which Ctrl-C interrupts.
func (ch *chat) say(ctx context.Context, text string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ch.task.Store(core.TaskID(""))
	hits := 0
	interrupt := func() {
		id, _ := ch.task.Load().(core.TaskID)
		if hits++; id == "" || hits > 1 {
			stop()
			return
		}
		go func() { _, _ = ch.conn.Client.CancelTask(ctx, id, "interrupted by the person") }() // a second Ctrl-C doesn't wait for it
	}
	keys := func() (release func()) {
		heard, quiet := context.WithCancel(ctx)
		over := make(chan struct{})
		go func() { defer close(over); ch.edit.keys.during(heard, interrupt) }()
		return func() { quiet(); <-over }
	}
	release := keys()
	t, err := ch.turn(ctx, text, ch.view.show, func(q core.ApprovalRequested) (client.Reply, error) {
		release()
		defer func() { release = keys() }()
		return replyBy(returning{ch.edit.out}, q, func(what string) (string, error) {
			s, err := ch.edit.read(what + ": ")
			if err != nil {
				err = core.E(core.Canceled, "", "nobody answered").Because(err)
			}
			return s, err
		})
	})
	release()
	ch.view.end(t)
	switch {
	case err != nil:
		return err
	case t.Status == core.StatusCanceled:
		ch.view.dim("interrupted; what was said is kept")
	case t.Status != core.StatusSucceeded:
		return ch.sh.unsuccessful(t)
	}
	return nil
}

const chatHelp = `/new                 begin another conversation
/history [WORDS]     list what was said here, and conversations; /open ID goes on with one
/history N           show a turn again
/title TEXT          name this one          /model NAME   use another model
/route ROUTE         chat, skill, task or app, for the next message
/skill NAME          answer the next message by a skill
/attach PATH         send a file along      /files        list what will be sent
/edit [TEXT]         say the last message otherwise, as a branch
/retry               have the last message answered again
/branch ID           go on after a message
/show N              open a call's output   /remember on|off
/export              write the conversation as Markdown
/quit                end`

// heed does what a line says: a command, or something to say.
func (ch *chat) heed(ctx context.Context, said string) (quit bool, err error) {
	if !strings.HasPrefix(said, "/") {
		return false, ch.say(ctx, said)
	}
	name, rest, _ := strings.Cut(said, " ")
	rest = strings.TrimSpace(rest)
	w := plain{ch.view.w}
	c := ch.conn.Client
	change := func(n client.ConversationChange) error {
		_, err := c.ChangeConversation(ctx, ch.in.ID, n)
		return err
	}
	switch name {
	case "/help":
		fmt.Fprintln(w, chatHelp)
	case "/quit", "/exit":
		return true, nil
	case "/new":
		return false, ch.open(ctx, "", false, client.NewConversation{Model: ch.model, Remember: ch.in.Remember})
	case "/open":
		return false, ch.open(ctx, core.ConversationID(rest), true, client.NewConversation{})
	case "/history":
		return false, ch.history(ctx, w, rest)
	case "/title":
		return false, change(client.ConversationChange{Title: &rest})
	case "/model":
		ch.model, ch.next.Model = rest, rest
		return false, change(client.ConversationChange{Model: &rest})
	case "/remember":
		if rest != "on" && rest != "off" {
			return false, core.E(core.Invalid, "", "/remember is on or off")
		}
		on := rest == "on"
		return false, change(client.ConversationChange{Remember: &on})
	case "/route":
		ch.next.Route = core.Route(rest)
	case "/skill":
		ch.next.Route, ch.next.Skill = core.RouteSkill, rest
	case "/attach":
		f, err := attached(rest)
		if err == nil {
			ch.next.Files = append(ch.next.Files, f)
		}
		return false, err
	case "/files":
		for _, f := range ch.next.Files {
			fmt.Fprintf(w, "%s  %d bytes\n", f.Name, len(f.Content))
		}
	case "/branch":
		ch.leaf = core.MessageID(rest)
	case "/show":
		if n, err := strconv.Atoi(rest); err != nil || !ch.view.open(n) {
			return false, core.E(core.Invalid, "", "there is no output "+rest)
		}
	case "/edit", "/retry":
		return false, ch.again(ctx, name == "/edit", rest)
	case "/export":
		return false, ch.export(ctx, w)
	default:
		return false, core.E(core.Invalid, "", name+" is no command").WithHint("/help lists them")
	}
	return false, nil
}

// again says the last message once more, as a branch; one that is edited without a text is there to
// be changed.
func (ch *chat) again(ctx context.Context, edit bool, text string) (err error) {
	switch was := ch.last.Text; {
	case !edit:
		text = was
	case text == "" && strings.Contains(was, "\n"):
		return core.E(core.Invalid, "", "the message has several lines, which can't be edited here").WithHint("/edit TEXT says it otherwise")
	case text == "" && was != "":
		if text, err = ch.edit.change("edit: ", printable(was)); err != nil {
			return core.E(core.Canceled, "", "it stays as it was said").Because(err)
		}
	}
	if ch.last.Text == "" || text == "" {
		return core.E(core.Invalid, "", "there is nothing to say again")
	}
	all, err := ch.conn.Client.Conversation(ctx, ch.in.ID)
	if err != nil {
		return err
	}
	for _, m := range all.Messages {
		if m.ID == ch.sent {
			ch.next.Parent = &m.Parent
		}
	}
	ch.next.Files = append(ch.next.Files, ch.last.Files...)
	return ch.say(ctx, text)
}

// export writes what was said.
func (ch *chat) export(ctx context.Context, w io.Writer) error {
	all, err := ch.conn.Client.Conversation(ctx, ch.in.ID)
	for _, m := range all.Messages {
		fmt.Fprintf(w, "## %s (%s)\n\n%s\n\n", m.Role, m.ID, m.Text)
	}
	return err
}
