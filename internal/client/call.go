package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// PageOptions select a page of a list. Zero fields have their defaults.
type PageOptions struct {
	Cursor string
	Limit  int
}

func (o PageOptions) query() url.Values {
	q := with(nil, "cursor", o.Cursor)
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	return q
}

// with adds names and values to a query; a value "" isn't.
func with(q url.Values, pairs ...string) url.Values {
	if q == nil {
		q = url.Values{}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

func escape(s string) string { return url.PathEscape(s) }

// get reads a T.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	var out T
	_, err := c.call(ctx, request{method: http.MethodGet, path: path, query: query}, &out)
	return out, err
}

// send sends a body and reads a T.
func send[T any](ctx context.Context, c *Client, method, path string, body any) (T, error) {
	var out T
	_, err := c.call(ctx, request{method: method, path: path, body: body}, &out)
	return out, err
}

// create is send for what is made once, however often it is asked for with the same key.
func create[T any](ctx context.Context, c *Client, path string, body any, idempotencyKey string) (T, error) {
	var out T
	r := request{method: http.MethodPost, path: path, body: body, header: map[string]string{"Idempotency-Key": idempotencyKey}}
	_, err := c.call(ctx, r, &out)
	return out, err
}

// do sends what has no answer but that it was done.
func (c *Client) do(ctx context.Context, method, path string, body any) error {
	_, err := c.call(ctx, request{method: method, path: path, body: body}, nil)
	return err
}
