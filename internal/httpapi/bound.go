package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/isekai-run/isekai/internal/core"
)

// bounds are what a request to a route may take.
type bounds struct {
	Body    int64 `json:"body_bytes"` // of its body; 0: it has none
	Seconds int   `json:"seconds"`    // to be answered in; 0: it is a stream, each of whose writes is bounded
}

// usual are the bounds of a route that unusual doesn't name.
var usual = bounds{Body: 64 << 10, Seconds: 30}

// unusual are the bounds of those, by operation, that need others.
var unusual = map[string]bounds{
	"fork-task":                    {Body: 256 << 10, Seconds: 30},
	"create-task":                  {Body: 256 << 10, Seconds: 30}, // 5,000 characters, however they are written, and limits
	"change-app":                   {Body: 256 << 10, Seconds: 30},
	"start-app":                    {Seconds: 180}, // until it answers
	"select-version":               {Body: 64 << 10, Seconds: 180},
	"stop-app":                     {Seconds: 60},
	"delete-app":                   {Seconds: 120},
	"diff-versions":                {Seconds: 60},
	"export-version":               {Seconds: 600},
	"rebuild-projection":           {Seconds: 3600}, // it reads every event
	"verify-projection":            {Seconds: 3600},
	"take-backup":                  {Seconds: 6 * 3600}, // it copies everything
	"rotate-keys":                  {Body: 64 << 10, Seconds: 600},
	"rotate-master-key":            {Seconds: 600},
	"shred-keys":                   {Body: 64 << 10, Seconds: 600},
	"replay-dead-letter":           {Seconds: 600},
	"export-audit":                 {Seconds: 600}, // the whole log
	"verify-audit":                 {Body: 512 << 10, Seconds: 600},
	"export-audit-of-installation": {Seconds: 600},
	"verify-audit-of-installation": {Body: 512 << 10, Seconds: 600},
	"put-secret":                   {Body: 256 << 10, Seconds: 30}, // 64 KiB, however they are written
	"put-secret-of-installation":   {Body: 256 << 10, Seconds: 30},
	"put-model-provider":           {Body: 256 << 10, Seconds: 30}, // 500 models with prices
	"test-model-provider":          {Seconds: 90},                  // its list, and then all calls at once
	"add-skill":                    {Body: maxSkill, Seconds: 180}, // a repository's comes within two minutes

	"put-mcp-server":         {Body: 1 << 20, Seconds: 30}, // an environment, however it is written
	"put-mcp-files":          {Body: maxCall, Seconds: 300},
	"test-mcp-server":        {Seconds: 90},
	"call-mcp-tool":          {Body: 1 << 20, Seconds: 700}, // mcp.MaxTimeout, and a start
	"show-mcp-authorization": {Seconds: 90},

	"put-model-provider-of-installation":  {Body: 256 << 10, Seconds: 30},
	"test-model-provider-of-installation": {Seconds: 90},

	"add-document":     {Body: documentBody, Seconds: 60}, // and its vectors
	"remember":         {Body: 64 << 10, Seconds: 60},
	"forget-all":       {Seconds: 120},
	"reindex-memory":   {Seconds: 120},
	"delete-document":  {Seconds: 60},
	"document-content": {Seconds: 60},

	"take-callback": {Body: 256 << 10, Seconds: 30},

	"test-webhook": {Seconds: 60}, // until the endpoint has answered, or hasn't

	"send-message":        {Body: documentBody, Seconds: 60},
	"conversation-events": {},

	"list-events": {},
	"follow-live": {},
	"task-events": {},
	"follow-logs": {},
}

const (
	maxBody = 1 << 20 // bytes of a body that no route wants
	// documentBody has a document of 8 MiB, however it is written.
	documentBody = 12 << 20
	bodyTime     = 10 * time.Second // for a body to come
	sendTime     = 30 * time.Second // for an answer to go, besides its route's time
)

// boundsKey is under what an operation in the document has its bounds.
const boundsKey = "x-bounds"

// bounded gives an operation whose input is an In its bounds.
func bounded[In any](op huma.Operation) huma.Operation {
	b, ok := unusual[op.OperationID]
	if !ok {
		b = usual
		if _, takes := reflect.TypeFor[In]().FieldByName("Body"); !takes {
			b.Body = 0
		}
	}
	op.MaxBodyBytes = b.Body
	return extended(op, boundsKey, b)
}

// bound holds a request to its route's bounds.
func (s *server) bound(ctx huma.Context, next func(huma.Context)) {
	b, _ := ctx.Operation().Extensions[boundsKey].(bounds)
	r, w := humago.Unwrap(ctx)
	if b.Body != requestOf(ctx.Context()).most {
		r.Body = http.MaxBytesReader(w, r.Body, b.Body)
	}
	if b.Seconds == 0 {
		next(ctx)
		return
	}
	limit := time.Duration(b.Seconds) * time.Second
	// A writer without deadlines is a test's.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit + sendTime))
	limited, stop := context.WithTimeout(ctx.Context(), limit)
	defer stop()
	next(huma.WithContext(ctx, limited))
}

// large has a request with a body that is larger than usual wait for nobody, but be refused while
// there is no room for it among the large ones of its user and org.
func (s *server) large(ctx huma.Context, next func(huma.Context)) {
	b, _ := ctx.Operation().Extensions[boundsKey].(bounds)
	r, _ := humago.Unwrap(ctx)
	if b.Body <= maxBody || r.ContentLength >= 0 && r.ContentLength <= maxBody {
		next(ctx)
		return
	}
	size := b.Body
	if r.ContentLength > 0 {
		size = min(size, r.ContentLength)
	}
	rq := requestOf(ctx.Context())
	leave, full := s.open.bring(int((size+1<<20-1)>>20), largeRooms(rq.who)...)
	if full != nil {
		s.write(ctx, rq, core.E(core.Exhausted, "request", "too many large requests at once: the limit of the "+full.of+" is "+strconv.Itoa(full.most)+" MiB").
			WithHint("send less, or try again in "+strconv.Itoa(fullWait)+" s"))
		return
	}
	defer leave()
	next(ctx)
}
