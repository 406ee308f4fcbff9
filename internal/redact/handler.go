package redact

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
)

// Handler takes secrets out of log records before another handler gets them: out of the
// message, and out of all that an attribute's value shows, within groups and errors, too.
type Handler struct {
	scanner *Scanner
	next    slog.Handler
}

// Handler returns one that gives records to next.
func (s *Scanner) Handler(next slog.Handler) *Handler { return &Handler{s, next} }

// Enabled implements slog.Handler.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, h.scanner.Redact(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.scanner.attr(a))
		return true
	})
	return h.next.Handle(ctx, clean)
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{h.scanner, h.next.WithAttrs(h.scanner.attrs(attrs))}
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{h.scanner, h.next.WithGroup(name)}
}

func (s *Scanner) attrs(attrs []slog.Attr) []slog.Attr {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = s.attr(a)
	}
	return clean
}

func (s *Scanner) attr(a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	switch a.Value.Kind() {
	case slog.KindGroup:
		return slog.Attr{Key: s.Redact(a.Key), Value: slog.GroupValue(s.attrs(a.Value.Group())...)}
	case slog.KindString:
		return slog.String(s.Redact(a.Key), s.assigned(a.Key, a.Value.String()))
	case slog.KindAny:
		return slog.Attr{Key: s.Redact(a.Key), Value: s.any(a.Key, a.Value.Any())}
	}
	return slog.Attr{Key: s.Redact(a.Key), Value: a.Value}
}

// assigned returns a value under a name without its secrets: as it is in "name=value", too.
func (s *Scanner) assigned(name, value string) string {
	clean := s.Redact(value)
	if line := name + `="` + value + `"`; clean == value && s.Redact(line) != line {
		return Assignment.Marker()
	}
	return clean
}

// any returns a value of whatever type as it is, unless one of the forms in which handlers
// show it has a secret in it: then it becomes a text without.
func (s *Scanner) any(name string, v any) slog.Value {
	var shown string
	switch v := v.(type) {
	case error:
		shown = v.Error()
	case []byte:
		shown = string(v)
	default:
		shown = fmt.Sprintf("%+v", v)
	}
	clean := s.assigned(name, shown)
	if clean != shown {
		return slog.StringValue(clean)
	}
	if b, err := json.Marshal(v); err == nil {
		if clean := s.Redact(string(b)); clean != string(b) {
			return slog.StringValue(clean)
		}
	}
	return slog.AnyValue(v)
}
