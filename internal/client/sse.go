package client

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// message is one server-sent event (WHATWG HTML, section 9.2).
type message struct {
	id    string
	event string
	data  string
}

const (
	maxMessage   = 4 << 20 // bytes of one server-sent event
	maxReconnect = 5       // tries in a row that bring nothing: 3 s in all
)

// endOfStream is the event that the server sends last on a stream that is
// complete; a connection that ends without it was cut.
const endOfStream = "end"

// stream reads server-sent events and resumes after a cut connection with
// Last-Event-ID. It ends after the server says that the stream is complete.
func (c *Client) stream(ctx context.Context, path, lastID string) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		fruitless := 0
		for {
			res, err := c.open(ctx, request{method: http.MethodGet, path: path,
				header: map[string]string{"Accept": "text/event-stream", "Last-Event-ID": lastID}})
			if err == nil {
				for m, readErr := range readSSE(res.Body) {
					if readErr != nil {
						err = readErr
						break
					}
					if m.event == endOfStream {
						res.Body.Close()
						return
					}
					fruitless = 0
					if m.id != "" {
						lastID = m.id
					}
					if !yield(m, nil) {
						res.Body.Close()
						return
					}
				}
				res.Body.Close()
				if err == nil {
					err = core.E(core.Unavailable, "client", "the stream was cut").Because(errGone)
				}
			}
			if fruitless++; ctx.Err() != nil || core.CodeOf(err) != core.Unavailable || fruitless > maxReconnect {
				if ctx.Err() != nil {
					err = ctx.Err()
				}
				yield(message{}, err)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(min(time.Duration(fruitless)*200*time.Millisecond, 2*time.Second)):
			}
		}
	}
}

// readSSE parses a stream of server-sent events until it ends.
func readSSE(r io.Reader) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		sc := bufio.NewScanner(r)
		sc.Buffer(make([]byte, 0, 64<<10), maxMessage)
		var m message
		var data []string
		for sc.Scan() {
			line := strings.TrimSuffix(sc.Text(), "\r")
			if line == "" {
				if m.data = strings.Join(data, "\n"); len(data) > 0 || m.event != "" {
					if !yield(m, nil) {
						return
					}
				}
				m, data = message{}, nil
				continue
			}
			field, value, _ := strings.Cut(line, ":")
			value = strings.TrimPrefix(value, " ")
			switch field {
			case "id":
				m.id = value
			case "event":
				m.event = value
			case "data":
				data = append(data, value)
			}
		}
		if err := sc.Err(); err != nil {
			yield(message{}, core.E(core.Unavailable, "client", "the stream was cut").Because(err))
		}
	}
}

// decode reads a message's data as JSON.
func decode[T any](m message, err error) (T, error) {
	var v T
	if err == nil {
		if err = json.Unmarshal([]byte(m.data), &v); err != nil {
			err = core.E(core.Invalid, "client", "an event isn't JSON").Because(err)
		}
	}
	return v, err
}
