// Package home holds list_devices, read_device and control_device, by which agents see and
// change a home: through Home Assistant's REST API, or Homey's Web API.
//
// platform lists them where a home is configured. They show the credential of a project's that
// the configuration names, so that a project without one sees no home. One device is changed at
// a time, by an action of its own kind: nothing reaches what else such a server can do.
package home

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Kind is the API that a home has.
type Kind string

// The kinds.
const (
	Assistant  Kind = "homeassistant" // https://developers.home-assistant.io/docs/api/rest: a long-lived token, or a connection
	Homey      Kind = "homey"         // https://api.developer.homey.app: an API key of the Homey's
	HomeyCloud Kind = "homey-cloud"   // the same through Athom's cloud: a connection to Athom
)

// Kinds are all kinds.
var Kinds = []Kind{Assistant, Homey, HomeyCloud}

// Athom is where a connection gets a token for a Homey.
const Athom = "https://api.athom.com"

// Home is where a home is.
type Home struct {
	Kind       Kind
	URL        string // its server, without a path
	Credential string // the name of the project's credential for it
	Athom      string // "" is Athom
}

// Check returns an invalid error for a home that can't be asked.
func (h Home) Check() error {
	u, err := url.Parse(h.URL)
	switch {
	case !slices.Contains(Kinds, h.Kind):
		return core.E(core.Invalid, "home", "there is no such kind of home").WithHint("homeassistant, homey or homey-cloud")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "":
		return core.E(core.Invalid, "home", "the home's address can't be used").WithHint("as in https://home.example.com:8123")
	case h.Credential == "":
		return core.E(core.Invalid, "home", "the home names no credential")
	}
	return nil
}

// Tools returns list_devices, read_device and control_device.
func Tools(out tool.Outside, h Home) []tool.Tool {
	return []tool.Tool{list{at{out, h}}, read{at{out, h}}, control{at{out, h}}}
}

// Device is a device as a home has it: its texts may hold anything.
type Device struct {
	ID, Name, Kind string
	State          string            // in short
	Details        map[string]string // more of it
	Actions        []string          // what control_device can do with it, as far as the home says
}

// at asks a home.
type at struct {
	out  tool.Outside
	home Home
}

const (
	maxAnswer = 4 << 20
	patience  = 30 * time.Second
)

// server is the API of one kind of home.
type server interface {
	devices(ctx context.Context, ask asker) ([]Device, error)
	device(ctx context.Context, ask asker, id string) (Device, error)
	control(ctx context.Context, ask asker, c command) (said string, err error)
}

// command is what is to be done with a device.
type command struct {
	Device, Action, Value string
	Data                  map[string]any
}

// asker sends a request to a home and reads JSON into out.
type asker func(ctx context.Context, method, path string, body, out any) error

// open returns the home's API, for a call.
func (a at) open(ctx context.Context, c tool.Call, name string) (server, asker, error) {
	if err := a.home.Check(); err != nil {
		return nil, nil, err
	}
	shown := func(r *http.Request) error { return a.out.Authorize(ctx, c, name, a.home.Credential, r) }
	switch a.home.Kind {
	case Assistant:
		return assistant{}, a.asker(a.home.URL, shown), nil
	case Homey:
		return homey{}, a.asker(a.home.URL, shown), nil
	}
	session, err := a.session(ctx, shown)
	if err != nil {
		return nil, nil, err
	}
	return homey{}, a.asker(a.home.URL, func(r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+session)
		return nil
	}), nil
}

// session gets a session of a Homey's for a connection to Athom: a token that is meant for it,
// which it takes for a session.
func (a at) session(ctx context.Context, shown func(*http.Request) error) (session string, err error) {
	var token string
	cloud := a.asker(cmp.Or(a.home.Athom, Athom), shown)
	if err := cloud(ctx, http.MethodPost, "/delegation/token?audience=homey", nil, &token); err != nil {
		return "", err
	}
	login := a.asker(a.home.URL, func(*http.Request) error { return nil })
	err = login(ctx, http.MethodPost, "/api/manager/users/login", map[string]string{"token": token}, &session)
	return session, err
}

// asker returns an asker of a server.
func (a at) asker(base string, shown func(*http.Request) error) asker {
	return func(ctx context.Context, method, path string, body, out any) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		var send io.Reader = http.NoBody
		if body != nil {
			b, err := json.Marshal(body)
			if err != nil {
				return core.E(core.Invalid, "home", "the request can't be written").Because(err)
			}
			send = bytes.NewReader(b)
		}
		r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+path, send)
		if err != nil {
			return core.E(core.Invalid, "home", "the request can't be made")
		}
		r.Header.Set("Accept", "application/json")
		if body != nil {
			r.Header.Set("Content-Type", "application/json")
		}
		resp, err := tool.Send(r, shown, a.out.Client().Do)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		b, cut, err := tool.ReadAnswer(resp.Body, maxAnswer)
		if err != nil {
			return err
		}
		if cut {
			return core.E(core.Exhausted, "home", "the home's answer is too long")
		}
		if err := answered(resp.StatusCode, b); err != nil {
			return err
		}
		if json.Unmarshal(b, out) != nil {
			return core.E(core.Unavailable, "home", "what the home sent isn't an answer of its kind").WithHint("an operator checks home.kind and home.url")
		}
		return nil
	}
}

// answered says why a home doesn't do what it is asked for.
func answered(status int, body []byte) error {
	var said struct {
		Message     string
		Error       string
		Description string `json:"error_description"`
	}
	_ = json.Unmarshal(body, &said) // it needn't be JSON
	why := line(cmp.Or(said.Description, said.Message, said.Error, http.StatusText(status)), 200)
	switch {
	case status < 300:
		return nil
	case status == http.StatusNotFound:
		return core.E(core.NotFound, "home", "the home doesn't have that: "+why).WithHint("list_devices shows what there is")
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return core.E(core.Denied, "home", "the home refuses the credential, or this action: "+why).WithHint("an admin gives the credential a new value: isekai secret set")
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		return core.E(core.Invalid, "home", "the home can't do that: "+why)
	}
	return core.E(core.Unavailable, "home", fmt.Sprintf("the home answered %d: %s", status, why))
}

// line returns a text in one line of at most n bytes.
func line(s string, n int) string {
	s = strings.Join(strings.Fields(tool.Clean(s)), " ")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
