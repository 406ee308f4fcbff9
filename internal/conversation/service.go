package conversation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Bounds of conversations.
const (
	MaxMessages = 2000    // of a conversation
	MaxText     = 100_000 // characters of a message
	MaxTitle    = 200     // bytes
	maxFiles    = 10      // of a message
	MaxFiles    = 8 << 20 // bytes of its files together
	maxName     = 200     // bytes of a file's name
	maxLead     = 1000    // characters that an event has of a long text
)

// Turn is the task that answers a message.
type Turn struct {
	Turn   core.Turn
	Prompt string // what a task is named after
	Model  string
	Tree   core.Digest // the files that it begins with
	After  core.TaskID // the turn before it in the branch; "": there is none
}

// Turner makes and knows the tasks that answer messages: the agent.
type Turner interface {
	// Task is the id of the task that answers a message.
	Task(scope core.Scope, message core.MessageID) core.TaskID
	// Begin makes it; made again it is the same.
	Begin(ctx context.Context, scope core.Scope, t Turn) error
	// Files returns the files that a turn has left; "" if there are none.
	Files(ctx context.Context, scope core.Scope, task core.TaskID) (core.Digest, error)
	// Over returns how a turn has ended; nil: it hasn't, or there is none.
	Over(ctx context.Context, scope core.Scope, task core.TaskID) (*core.TaskFinished, error)
	// Cancel asks it to stop.
	Cancel(ctx context.Context, scope core.Scope, task core.TaskID) error
}

// Config is what a Service needs.
type Config struct {
	Events store.Events
	Views  store.Views
	Blobs  blob.Store
	Turns  Turner
	IDs    core.IDs // core.NewID
	// Model resolves what a person asked for to a model's name.
	Model func(ctx context.Context, org core.OrgID, asked string) (string, error)
	// Forget removes what was remembered of a task. nil: nothing is.
	Forget func(ctx context.Context, scope core.Scope, task core.TaskID) error
}

// Service holds the commands that people give to conversations. It is safe for concurrent use
// and keeps no state.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg} }

// Start begins a conversation. With a key, the same call again returns the one that it began.
// conflict: the key was used for another wish.
func (s *Service) Start(ctx context.Context, scope core.Scope, c core.ConversationStarted, key string) (State, error) {
	if err := scope.Valid(); err != nil {
		return State{}, err
	}
	if err := checkTitle(c.Title); err != nil {
		return State{}, err
	}
	if c.Model != "" {
		if _, err := s.cfg.Model(ctx, scope.Org, c.Model); err != nil {
			return State{}, err
		}
	}
	id := core.ConversationID(s.cfg.IDs("cnv"))
	if key != "" {
		id = core.ConversationID("cnv_" + digest(scope, "start", key))
	}
	events, err := s.append(ctx, scope, id, 0, c)
	if moved(err) && key != "" {
		had, err := s.Get(ctx, scope, id)
		if err == nil && had.Began != c {
			return State{}, core.E(core.Conflict, "conversation.start", "this idempotency key was used for another request").WithHint("use a new key for a new request")
		}
		return had, err
	}
	if err != nil {
		return State{}, err
	}
	return Fold(State{}, events...)
}

// Get returns a conversation. not_found: the project has none of the name.
func (s *Service) Get(ctx context.Context, scope core.Scope, id core.ConversationID) (State, error) {
	if !core.ValidID("cnv", string(id)) {
		return State{}, unknown(id)
	}
	st, err := s.load(ctx, scope.Org, id)
	if err == nil && (st.Version == 0 || st.Project != scope.Project || st.Deleted) {
		err = unknown(id)
	}
	if err != nil {
		return State{}, err
	}
	return st, nil
}

func (s *Service) load(ctx context.Context, org core.OrgID, id core.ConversationID) (st State, err error) {
	const page = 500
	for {
		events, err := s.cfg.Events.ReadStream(ctx, org, id.Stream(), st.Version, page)
		if err != nil {
			return st, fmt.Errorf("load conversation: %w", err)
		}
		if st, err = Fold(st, events...); err != nil {
			return st, err
		}
		if len(events) < page {
			return st, nil
		}
	}
}

func unknown(id core.ConversationID) error {
	return core.E(core.NotFound, "conversation", "there is no conversation "+string(id)).WithHint("isekai conversation list shows the project's")
}

// Change changes a conversation's title, model, or whether something may be remembered beyond it.
func (s *Service) Change(ctx context.Context, scope core.Scope, id core.ConversationID, c core.ConversationChanged) (State, error) {
	if c.Title != nil {
		if err := checkTitle(*c.Title); err != nil {
			return State{}, err
		}
	}
	if c.Model != nil && *c.Model != "" {
		if _, err := s.cfg.Model(ctx, scope.Org, *c.Model); err != nil {
			return State{}, err
		}
	}
	return s.change(ctx, scope, id, func(State) (core.Payload, error) { return c, nil })
}

// Delete ends a conversation: it isn't shown any more, nor what was said in it; what is under way
// for it is canceled, and what its turns have remembered is forgotten.
func (s *Service) Delete(ctx context.Context, scope core.Scope, id core.ConversationID) error {
	st, err := s.Get(ctx, scope, id)
	if err != nil {
		return err
	}
	if _, err = s.change(ctx, scope, id, func(now State) (core.Payload, error) { st = now; return core.ConversationDeleted{}, nil }); err != nil {
		return err
	}
	return s.end(ctx, scope, st) // the consumer of the bus does so, too, in case this isn't reached
}

// end cancels what is under way for a conversation that is deleted, and has what its turns have
// remembered forgotten.
func (s *Service) end(ctx context.Context, scope core.Scope, st State) error {
	for _, m := range st.Messages {
		if m.Role != User {
			continue
		}
		if !st.Answered(m.MessageAdded.Message) {
			if err := s.cfg.Turns.Cancel(ctx, scope, m.Task); err != nil && core.CodeOf(err) != core.NotFound {
				return err
			}
		}
		if err := s.forget(ctx, scope, m.Task); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) forget(ctx context.Context, scope core.Scope, task core.TaskID) error {
	if s.cfg.Forget == nil {
		return nil
	}
	if err := s.cfg.Forget(ctx, scope, task); err != nil {
		return fmt.Errorf("forget what was remembered: %w", err)
	}
	return nil
}

// NewMessage is what somebody says.
type NewMessage struct {
	Parent *core.MessageID // that it follows; nil: the newest; "": it begins another branch
	Text   string
	Files  []NewFile
	Route  core.Route // "": what the message wants is found out
	Skill  string     // of core.RouteSkill
	Model  string     // "": the conversation's
}

// NewFile is a file that comes with a message.
type NewFile struct {
	Name    string
	Content []byte
}

// Send adds a message, and has it answered by a task, which begins at once. With a key, the same
// call again returns the message that it added. Errors: invalid, not_found; conflict: the message
// that it follows has no answer yet; exhausted: the conversation is too long.
func (s *Service) Send(ctx context.Context, scope core.Scope, id core.ConversationID, n NewMessage, key string) (Message, error) {
	if err := n.check(); err != nil {
		return Message{}, err
	}
	st, err := s.Get(ctx, scope, id)
	if err != nil {
		return Message{}, err
	}
	if n.Model == "" {
		n.Model = st.Model
	}
	added := core.MessageAdded{Message: core.MessageID(s.cfg.IDs("msg")), Role: User}
	if key != "" {
		added.Message = core.MessageID("msg_" + digest(scope, string(id), key))
	}
	if added.Model, err = s.cfg.Model(ctx, scope.Org, n.Model); err != nil {
		return Message{}, err
	}
	if err := s.keep(ctx, scope.Org, n, &added); err != nil {
		return Message{}, err
	}
	if err := s.settle(ctx, scope, st); err != nil {
		return Message{}, err
	}
	added.Task = s.cfg.Turns.Task(scope, added.Message)
	st, err = s.change(ctx, scope, id, func(st State) (core.Payload, error) {
		if had, sent := st.Message(added.Message); sent {
			if had.Text != added.Text || !slices.Equal(had.Files, added.Files) || had.Turn.Route != n.Route || had.Turn.Skill != n.Skill {
				return nil, core.E(core.Conflict, "conversation.send", "this idempotency key was used for another message").WithHint("use a new key for a new message")
			}
			return nil, nil
		}
		var err error
		if added.Parent, err = st.follow(n.Parent); err != nil {
			return nil, err
		}
		if len(st.Messages)+2 > MaxMessages {
			return nil, core.E(core.Exhausted, "conversation.send", "the conversation is too long").WithHint("begin another one")
		}
		added.Turn = &core.Turn{Conversation: id, Message: added.Message, Route: n.Route, Skill: n.Skill, Remember: st.Remember}
		return added, nil
	})
	if err != nil {
		return Message{}, err
	}
	m, _ := st.Message(added.Message)
	return m, s.asked(ctx, scope, id, m.MessageAdded) // the consumer of the bus does so, too, in case this isn't reached
}

// follow is what a message follows.
func (s State) follow(wanted *core.MessageID) (core.MessageID, error) {
	const op = "conversation.send"
	parent := s.Newest()
	if wanted != nil {
		parent = *wanted
	}
	if parent == "" {
		return "", nil
	}
	m, ok := s.Message(parent)
	switch {
	case !ok:
		return "", core.E(core.NotFound, op, "there is no message "+string(parent)+" to follow").WithHint("name a message of this conversation, or none for the newest")
	case m.Role == User && !s.Answered(parent):
		return "", core.E(core.Conflict, op, "the message before has no answer yet").WithHint("wait for it, or cancel it: isekai task cancel " + string(m.Task))
	case m.Role == User:
		return "", core.E(core.Conflict, op, "a message follows an answer, and "+string(parent)+" is none").WithHint("name the answer, or to say it in other words the message that it follows itself")
	}
	return parent, nil
}

// keep puts a message's text and files where they stay.
func (s *Service) keep(ctx context.Context, org core.OrgID, n NewMessage, to *core.MessageAdded) error {
	to.Text = core.Content{Text: n.Text}
	if len(n.Text) > core.MaxInline {
		d, size, err := s.cfg.Blobs.Put(ctx, org, strings.NewReader(n.Text), int64(len(n.Text)))
		if err != nil {
			return fmt.Errorf("keep message: %w", err)
		}
		to.Text, to.Lead = core.Content{Blob: d, Size: size}, clip(n.Text, maxLead)
	}
	for _, f := range n.Files {
		d, size, err := s.cfg.Blobs.Put(ctx, org, bytes.NewReader(f.Content), MaxFiles)
		if err != nil {
			return fmt.Errorf("keep file: %w", err)
		}
		to.Files = append(to.Files, core.Attachment{Name: f.Name, Digest: d, Size: size})
	}
	return nil
}

// check sees that a message can be one.
func (n NewMessage) check() error {
	const op = "conversation.send"
	bad := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }
	switch {
	case !utf8.ValidString(n.Text) || strings.ContainsFunc(n.Text, bad):
		return core.E(core.Invalid, op, "the message isn't text").WithHint("attach what isn't text as a file")
	case strings.TrimSpace(n.Text) == "" && len(n.Files) == 0:
		return core.E(core.Invalid, op, "the message is empty").WithHint("say something, or attach a file")
	case utf8.RuneCountInString(n.Text) > MaxText:
		return core.E(core.Invalid, op, "the message is longer than 100,000 characters").WithHint("attach it as a file")
	case len(n.Files) > maxFiles:
		return core.E(core.Invalid, op, fmt.Sprintf("there are %d files", len(n.Files))).WithHint("up to 10 with a message")
	case n.Skill != "" && n.Route != core.RouteSkill:
		return core.E(core.Invalid, op, "a skill is named, and the route isn't skill").WithHint("leave out the skill, or use the route skill")
	case n.Skill == "" && n.Route == core.RouteSkill:
		return core.E(core.Invalid, op, "no skill is named").WithHint("isekai skill list shows them")
	}
	seen, size := map[string]bool{}, 0
	for _, f := range n.Files {
		switch {
		case len(f.Name) > maxName || strings.ContainsAny(f.Name, "/\\") || blob.CheckPath(f.Name) != nil:
			return core.E(core.Invalid, op, fmt.Sprintf("%.40q can't be a file's name", f.Name)).WithHint("give a name without a folder")
		case seen[f.Name]:
			return core.E(core.Invalid, op, "two files are named "+f.Name).WithHint("name them differently")
		}
		seen[f.Name] = true
		if size += len(f.Content); size > MaxFiles {
			return core.E(core.Invalid, op, "the files are larger than 8 MiB together").WithHint("add large ones to the project's memory instead: isekai memory add")
		}
	}
	return nil
}

func checkTitle(title string) error {
	if len(title) > MaxTitle || !utf8.ValidString(title) || strings.ContainsFunc(title, unicode.IsControl) {
		return core.E(core.Invalid, "conversation", "that can't be a title").WithHint("up to 200 bytes of text on one line")
	}
	return nil
}

// digest is what an id is made of that is the same for the same key.
func digest(scope core.Scope, parts ...string) string {
	all := append([]string{string(scope.Org), string(scope.Project), string(scope.Actor.ID)}, parts...)
	sum := sha256.Sum256([]byte(strings.Join(all, "\x00")))
	return hex.EncodeToString(sum[:13])
}

// change appends what f says, on the newest state. nil: there is nothing to say.
func (s *Service) change(ctx context.Context, scope core.Scope, id core.ConversationID, f func(State) (core.Payload, error)) (State, error) {
	for tries := 0; ; tries++ {
		st, err := s.Get(ctx, scope, id)
		if err != nil {
			return st, err
		}
		p, err := f(st)
		if err != nil || p == nil {
			return st, err
		}
		events, err := s.append(ctx, scope, id, st.Version, p)
		if moved(err) && tries < 20 {
			continue
		}
		if err != nil {
			return st, err
		}
		return Fold(st, events...)
	}
}

func (s *Service) append(ctx context.Context, scope core.Scope, id core.ConversationID, expected int64, p core.Payload) ([]core.Event, error) {
	data, err := core.EncodePayload(p)
	if err != nil {
		return nil, err
	}
	return s.cfg.Events.Append(ctx, scope, store.Append{
		Stream: id.Stream(), Expected: expected, Work: store.WorkNone,
		Events: []store.NewEvent{{ID: core.EventID(s.cfg.IDs("evt")), Type: p.EventType(), Data: data}},
	})
}

// moved reports whether somebody else has appended.
func moved(err error) bool { return core.CodeOf(err) == core.Conflict }
