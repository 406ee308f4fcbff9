package cli

import (
	"context"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// Conn is a way to a server. Close releases it: an embedded one stops in
// stages. Failed gets an error if an embedded one can't go on.
type Conn struct {
	Client   *client.Client
	URL      string // where it listens; empty in Direct mode
	Embedded bool
	Model    string // what tasks use: "gpt-5-mini", "blueprint"
	Notice   string // how to configure a model, if there is none
	Setup    string // the token with which the first user is made, where there is none
	// SetupFile is where that token is, for who can read the data directory.
	SetupFile string
	Failed    <-chan error
	Close     func() error
	// Again, unless it is nil, connects anew when the server has gone.
	Again func(ctx context.Context) (*Conn, error)
}

const maxRejoin = 5 // servers that come and go within one command

// do calls f. The server may be another command's process, which ends when that
// command does: then f is called again with what answers now, at the latest this
// process itself. So f must be repeatable.
func (c *Conn) do(ctx context.Context, f func(*client.Client) error) error {
	for tries := 0; ; tries++ {
		err := f(c.Client)
		if !client.Gone(err) || c.Again == nil || tries == maxRejoin || ctx.Err() != nil {
			return err
		}
		next, err := c.Again(ctx)
		if err != nil {
			return err
		}
		*c = *next
	}
}

// into makes all requests in a project, those to a server that comes after this one, too.
func (c *Conn) into(project core.ProjectID) {
	c.Client = c.Client.In(project)
	again := c.Again
	if again == nil {
		return
	}
	c.Again = func(ctx context.Context) (*Conn, error) {
		next, err := again(ctx)
		if err == nil {
			next.into(project)
		}
		return next, err
	}
}

// idle reports whether nobody is there to work on tasks: the data directory was
// opened only to look into it.
func (c *Conn) idle() bool { return c.Embedded && c.URL == "" }
