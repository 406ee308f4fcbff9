package client

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	maxMessage   = 4 << 20          // bytes of one server-sent event
	maxReconnect = 5                // tries in a row that bring nothing: 3 s in all
	lasting      = 10 * time.Second // a connection that was open for so long has brought something: that nothing happened
)

// endOfStream is the event that the server sends last on a stream that is
// complete; a connection that ends without it was cut. One with data is of a part of the stream.
const endOfStream = "end"

func (m message) ends() bool { return m.event == endOfStream && (m.data == "" || m.data == "{}") }

// stream reads server-sent events and resumes after a cut connection with
// Last-Event-ID. It ends after the server says that the stream is complete.
func (c *Client) stream(ctx context.Context, path, lastID string) iter.Seq2[message, error] {
	return c.resumed(ctx, func(last string) (string, string) { return path, cmp.Or(last, lastID) })
}

// resumed is stream of what at says to ask for, given the id of the last event, "" at first.
func (c *Client) resumed(ctx context.Context, at func(last string) (path, lastID string)) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		fruitless, last := 0, ""
		for {
			began := time.Now()
			path, lastID := at(last)
			res, err := c.open(ctx, request{method: http.MethodGet, path: path,
				header: map[string]string{"Accept": "text/event-stream", "Last-Event-ID": lastID}})
			if err == nil && !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
				res.Body.Close()
				err = core.E(core.Invalid, "client", "what answers at "+c.base+" isn't Isekai")
			}
			if err == nil {
				for m, readErr := range readSSE(res.Body) {
					if readErr != nil {
						err = readErr
						break
					}
					if m.ends() {
						res.Body.Close()
						return
					}
					fruitless = 0
					if m.id != "" {
						last = m.id
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
				if time.Since(began) > lasting {
					fruitless = 0
				}
			}
			if fruitless++; ctx.Err() != nil || core.CodeOf(err) != core.Unavailable || fruitless > maxReconnect {
				if ctx.Err() != nil {
					err = ended(ctx)
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
		size := 0
		for sc.Scan() {
			line := strings.TrimSuffix(sc.Text(), "\r")
			if line == "" {
				if m.data = strings.Join(data, "\n"); len(data) > 0 || m.event != "" {
					if !yield(m, nil) {
						return
					}
				}
				m, data, size = message{}, nil, 0
				continue
			}
			if size += len(line); size > maxMessage {
				yield(message{}, tooLong())
				return
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
		switch err := sc.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			yield(message{}, tooLong())
		case err != nil:
			yield(message{}, core.E(core.Unavailable, "client", "the stream was cut").Because(err))
		}
	}
}

// tooLong is invalid, so that the same message isn't asked for again.
func tooLong() error {
	return core.E(core.Invalid, "client", fmt.Sprintf("an event is longer than %d bytes", maxMessage))
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
