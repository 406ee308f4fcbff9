package client

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/isekai-run/isekai/internal/core"
)

func appPath(id core.AppID) string { return "/v1/apps/" + url.PathEscape(string(id)) }

// Apps returns a page of apps, newest first.
func (c *Client) Apps(ctx context.Context, o ListOptions) (Page[App], error) {
	var p Page[App]
	_, err := c.call(ctx, request{method: http.MethodGet, path: "/v1/apps", query: o.query()}, &p)
	return p, err
}

// App returns an app by its id or its name.
func (c *Client) App(ctx context.Context, id core.AppID) (AppDetail, error) {
	var a AppDetail
	tag, err := c.call(ctx, request{method: http.MethodGet, path: appPath(id)}, &a)
	a.ETag = tag
	return a, err
}

// Versions returns an app's versions, oldest first.
func (c *Client) Versions(ctx context.Context, id core.AppID) ([]Version, error) {
	var p Page[Version]
	_, err := c.call(ctx, request{method: http.MethodGet, path: appPath(id) + "/versions"}, &p)
	return p.Items, err
}

// SelectVersion makes a version the current one: a roll back or forward. etag
// may be empty; otherwise the app must not have changed since.
func (c *Client) SelectVersion(ctx context.Context, id core.AppID, number int, etag string) (AppDetail, error) {
	return c.appAction(ctx, id, "select", map[string]int{"version": number}, etag)
}

// StartApp starts an app's preview and returns when it answers.
func (c *Client) StartApp(ctx context.Context, id core.AppID) (AppDetail, error) {
	return c.appAction(ctx, id, "start", nil, "")
}

// MoveApp makes the node that answers the app's home, without the data that it has at the
// one before.
func (c *Client) MoveApp(ctx context.Context, id core.AppID) (AppDetail, error) {
	return c.appAction(ctx, id, "move", nil, "")
}

// StopApp stops an app's preview.
func (c *Client) StopApp(ctx context.Context, id core.AppID) (AppDetail, error) {
	return c.appAction(ctx, id, "stop", nil, "")
}

func (c *Client) appAction(ctx context.Context, id core.AppID, action string, body any, etag string) (AppDetail, error) {
	var a AppDetail
	tag, err := c.call(ctx, request{method: http.MethodPost, path: appPath(id) + "/" + action, body: body,
		header: map[string]string{"If-Match": etag}}, &a)
	a.ETag = tag
	return a, err
}

// DeleteApp deletes an app with its data.
func (c *Client) DeleteApp(ctx context.Context, id core.AppID, etag string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: appPath(id), header: map[string]string{"If-Match": etag}}, nil)
	return err
}

// versionPath names a version; 0 is the selected one.
func versionPath(id core.AppID, number int) string {
	n := "current"
	if number > 0 {
		n = strconv.Itoa(number)
	}
	return appPath(id) + "/versions/" + n
}

// Files lists a version's files; number 0 is the selected version.
func (c *Client) Files(ctx context.Context, id core.AppID, number int) ([]File, error) {
	var p Page[File]
	_, err := c.call(ctx, request{method: http.MethodGet, path: versionPath(id, number) + "/files"}, &p)
	return p.Items, err
}

// ReadFile copies a file of a version to w.
func (c *Client) ReadFile(ctx context.Context, id core.AppID, number int, path string, w io.Writer) error {
	return c.copy(ctx, request{method: http.MethodGet, path: versionPath(id, number) + "/file", query: url.Values{"path": {path}}}, w)
}

// Export copies a version as an archive ("zip" or "tar.gz") to w.
func (c *Client) Export(ctx context.Context, id core.AppID, number int, format string, w io.Writer) error {
	return c.copy(ctx, request{method: http.MethodGet, path: versionPath(id, number) + "/export", query: url.Values{"format": {format}}}, w)
}

func (c *Client) copy(ctx context.Context, r request, w io.Writer) error {
	res, err := c.open(ctx, r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	n, err := io.Copy(w, res.Body)
	if err != nil {
		if ctx.Err() != nil {
			return ended(ctx)
		}
		return core.E(core.Unavailable, "client", "the download was cut").Because(err)
	}
	if res.ContentLength >= 0 && n != res.ContentLength {
		return core.E(core.Unavailable, "client", fmt.Sprintf("the download was cut at %d of %d bytes", n, res.ContentLength))
	}
	return nil
}

// Diff returns what changed between two versions; 0 for to is the selected one.
func (c *Client) Diff(ctx context.Context, id core.AppID, from, to int) (Diff, error) {
	q := url.Values{}
	if from > 0 {
		q.Set("from", strconv.Itoa(from))
	}
	if to > 0 {
		q.Set("to", strconv.Itoa(to))
	}
	var d Diff
	_, err := c.call(ctx, request{method: http.MethodGet, path: appPath(id) + "/diff", query: q}, &d)
	return d, err
}

// Logs yields what is kept of a running app's output, and with follow goes on
// with what comes.
func (c *Client) Logs(ctx context.Context, id core.AppID, follow bool) iter.Seq2[LogLine, error] {
	return func(yield func(LogLine, error) bool) {
		if !follow {
			var p Page[LogLine]
			_, err := c.call(ctx, request{method: http.MethodGet, path: appPath(id) + "/logs"}, &p)
			for _, l := range p.Items {
				if !yield(l, nil) {
					return
				}
			}
			if err != nil {
				yield(LogLine{}, err)
			}
			return
		}
		for m, err := range c.stream(ctx, appPath(id)+"/logs/stream", "") {
			l, err := decode[LogLine](m, err)
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// Health returns the server's deep health.
func (c *Client) Health(ctx context.Context) (Health, error) {
	var h Health
	_, err := c.call(ctx, request{method: http.MethodGet, path: "/v1/health"}, &h)
	return h, err
}
