package httpapi

import (
	"context"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/sandbox/archive"
)

type (
	VersionPath struct {
		AppPath
		Version string `path:"version" pattern:"^(current|[1-9][0-9]{0,8})$" doc:"a number, or current"`
	}
	filePath struct {
		VersionPath
		Path string `query:"path" required:"true" maxLength:"1024"`
	}
	exportPath struct {
		VersionPath
		Format string `query:"format" enum:"zip,tar.gz" default:"zip"`
	}
	diffQuery struct {
		AppPath
		From int `query:"from" minimum:"1" doc:"default: the parent of the other"`
		To   int `query:"to" minimum:"1" doc:"default: the selected version"`
	}
	logQuery struct {
		AppPath
		LastEventID string `header:"Last-Event-ID" doc:"goes on after this line"`
	}
	versionPage struct{ Body client.Page[client.Version] }
	filePage    struct{ Body client.Page[client.File] }
	diffAnswer  struct{ Body client.Diff }
	logPage     struct{ Body client.Page[client.LogLine] }
)

func (p VersionPath) number() int {
	n, err := strconv.Atoi(p.Version)
	if err != nil {
		return 0 // current: the pattern allows nothing else
	}
	return n
}

func (s *server) files() {
	tags := []string{"versions"}
	handle(s, identity.AppRead, huma.Operation{
		OperationID: "list-versions", Method: http.MethodGet, Path: "/v1/apps/{app}/versions", Summary: "List an app's versions, oldest first", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *AppPath) (*versionPage, error) {
		st, err := s.cfg.Apps.Find(ctx, scope, in.App)
		page := client.Page[client.Version]{Items: []client.Version{}}
		for _, v := range st.Live() {
			page.Items = append(page.Items, wireVersion(v))
		}
		return &versionPage{Body: page}, err
	})
	handle(s, identity.AppRead, huma.Operation{
		OperationID: "list-files", Method: http.MethodGet, Path: "/v1/apps/{app}/versions/{version}/files", Summary: "List a version's files", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *VersionPath) (*filePage, error) {
		st, err := s.cfg.Apps.Find(ctx, scope, in.App)
		if err != nil {
			return nil, err
		}
		files, err := s.cfg.Apps.Files(ctx, scope, st.ID, in.number())
		page := client.Page[client.File]{Items: make([]client.File, len(files))}
		for i, f := range files {
			page.Items[i] = client.File(f)
		}
		return &filePage{Body: page}, err
	})
	handle(s, identity.AppRead, stream(huma.Operation{
		OperationID: "read-file", Method: http.MethodGet, Path: "/v1/apps/{app}/versions/{version}/file", Summary: "Read a file of a version", Tags: tags,
	}, "application/octet-stream"), func(ctx context.Context, scope core.Scope, in *filePath) (*huma.StreamResponse, error) {
		st, err := s.cfg.Apps.Find(ctx, scope, in.App)
		if err != nil {
			return nil, err
		}
		b, err := s.cfg.Apps.ReadFile(ctx, scope, st.ID, in.number(), in.Path)
		return bytesOf(b, err)
	})
	handle(s, identity.AppRead, stream(huma.Operation{
		OperationID: "export-version", Method: http.MethodGet, Path: "/v1/apps/{app}/versions/{version}/export", Summary: "Export a version as an archive", Tags: tags,
	}, "application/zip"), s.export)
	handle(s, identity.AppRead, huma.Operation{
		OperationID: "diff-versions", Method: http.MethodGet, Path: "/v1/apps/{app}/diff", Summary: "What changed between two versions", Tags: tags,
	}, s.diff)
	s.logs()
}

// stream documents an answer that isn't JSON.
func stream(op huma.Operation, contentType string) huma.Operation {
	schema := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	if contentType == eventStream {
		schema = anEvent()
	}
	op.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{contentType: {Schema: schema}}}}
	return op
}

const eventStream = "text/event-stream"

// anEvent is each of those of a stream (OpenAPI 3.1 has no word for a stream of them).
func anEvent() *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{
		Type: huma.TypeObject, Description: "each of the stream's server-sent events", Required: []string{"data"},
		Properties: map[string]*huma.Schema{"id": text, "event": text, "data": text, "retry": {Type: huma.TypeInteger}},
	}
}

func (s *server) export(ctx context.Context, scope core.Scope, in *exportPath) (*huma.StreamResponse, error) {
	st, err := s.cfg.Apps.Find(ctx, scope, in.App)
	if err != nil {
		return nil, err
	}
	v, err := s.cfg.Apps.Version(ctx, scope, st.ID, in.number())
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		name := st.Name + "-v" + strconv.Itoa(v.Number) + "." + in.Format
		hc.SetHeader("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
		hc.SetHeader("Content-Type", map[string]string{"zip": "application/zip", "tar.gz": "application/gzip"}[in.Format])
		if err := s.cfg.Apps.Export(ctx, scope, st.ID, v.Number, archive.Format(in.Format), hc.BodyWriter()); err != nil {
			s.cfg.Logger.Error("export", "app", st.ID, "err", err)
			panic(http.ErrAbortHandler) // the reader must not take half an archive for a whole one
		}
	}}, nil
}

func (s *server) diff(ctx context.Context, scope core.Scope, in *diffQuery) (*diffAnswer, error) {
	st, err := s.cfg.Apps.Find(ctx, scope, in.App)
	if err != nil {
		return nil, err
	}
	to, err := s.cfg.Apps.Version(ctx, scope, st.ID, in.To)
	if err != nil {
		return nil, err
	}
	from := in.From
	if from == 0 {
		if from = to.Parent; from == 0 {
			return nil, core.E(core.Invalid, "app.diff", "version 1 has no version before it").WithHint("name two versions; isekai app change makes the next")
		}
	}
	files, err := s.cfg.Apps.Diff(ctx, scope, st.ID, from, to.Number)
	d := client.Diff{From: from, To: to.Number, Files: make([]client.FileDiff, len(files))}
	for i, f := range files {
		d.Files[i] = client.FileDiff{Path: f.Path, Change: string(f.Change), Unified: f.Unified, Binary: f.Binary, TooLong: f.TooLong}
	}
	return &diffAnswer{Body: d}, err
}

func (s *server) logs() {
	tags := []string{"apps"}
	handle(s, identity.AppRead, huma.Operation{
		OperationID: "app-logs", Method: http.MethodGet, Path: "/v1/apps/{app}/logs", Summary: "What is kept of a running app's output", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *AppPath) (*logPage, error) {
		st, err := s.cfg.Apps.Find(ctx, scope, in.App)
		if err != nil {
			return nil, err
		}
		lines, err := s.cfg.Apps.Log(ctx, scope, st.ID, 0)
		page := client.Page[client.LogLine]{Items: make([]client.LogLine, len(lines))}
		for i, l := range lines {
			page.Items[i] = wireLine(l)
		}
		return &logPage{Body: page}, err
	})
	handle(s, identity.AppRead, stream(huma.Operation{
		OperationID: "follow-logs", Method: http.MethodGet, Path: "/v1/apps/{app}/logs/stream", Summary: "Follow a running app's output", Tags: tags,
		Description: "Server-sent events: a line each, its sequence number as the id.",
	}, eventStream), s.followLog)
}

func wireLine(l app.Line) client.LogLine {
	return client.LogLine{Seq: l.Seq, At: l.At, From: string(l.From), Text: l.Text, Dropped: l.Dropped}
}

func (s *server) followLog(ctx context.Context, scope core.Scope, in *logQuery) (*huma.StreamResponse, error) {
	after, err := lastEvent(in.LastEventID)
	if err != nil {
		return nil, err
	}
	st, err := s.cfg.Apps.Find(ctx, scope, in.App)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	follow, err := s.cfg.Apps.Follow(ctx, scope, st.ID, after)
	if err != nil {
		stop()
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer stop()
		lines := make(chan app.Line) // no buffer: a slow reader holds back itself alone
		go func() {
			defer close(lines)
			for l := range follow {
				select {
				case lines <- l:
				case <-ctx.Done():
					return
				}
			}
		}()
		s.pump(s.newSSE(hc), ctx, lines)
	}}, nil
}

// pump writes lines until there are no more, or reader, his right or server go.
func (s *server) pump(out *sse, ctx context.Context, lines <-chan app.Line) {
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		select {
		case l, ok := <-lines:
			if !ok || out.send(l.Seq, wireLine(l)) != nil {
				return
			}
		case <-tick.C:
			if out.comment() != nil {
				return
			}
		case <-ctx.Done():
			return
		case <-s.cfg.Stopping.Done():
			return
		}
	}
}

// bytesOf answers with a file as it is.
func bytesOf(b []byte, err error) (*huma.StreamResponse, error) {
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/octet-stream") // never shown as a page of this origin
		hc.SetHeader("Content-Length", strconv.Itoa(len(b)))
		_, _ = hc.BodyWriter().Write(b) // a reader that has gone needs no answer
	}}, nil
}
