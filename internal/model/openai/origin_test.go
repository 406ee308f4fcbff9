package openai_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/openai"
)

// A server that says so was at work when its time was over.
func TestWhoWorked(t *testing.T) {
	t.Parallel()
	for _, worked := range []bool{false, true} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if worked {
				w.Header().Set(model.WorkedHeader, "yes")
			}
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		t.Cleanup(s.Close)
		_, err := model.Collect(t.Context(), openai.New(openai.Config{BaseURL: s.URL + "/v1", Retries: -1}), request(), nil)
		if core.CodeOf(err) != core.Unavailable || errors.Is(err, model.ErrWorked) != worked {
			t.Errorf("worked %v: %v", worked, err)
		}
	}
}

// Who answers is what the gateway's headers say, also of an answer that breaks off.
func TestWhoAnswers(t *testing.T) {
	t.Parallel()
	near := model.Origin{Provider: "near", Model: "small"}
	for name, c := range map[string]struct {
		media, body string
		by          model.Origin
		fails       bool
	}{
		"a stream":         {"text/event-stream", "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]\n\n", near, false},
		"a whole":          {"application/json", `{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}`, near, false},
		"one that is cut":  {"text/event-stream", "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n", near, true},
		"nobody says that": {"text/event-stream", "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]\n\n", model.Origin{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.media)
				if c.by != (model.Origin{}) {
					w.Header().Set(model.ProviderHeader, c.by.Provider)
					w.Header().Set(model.ModelHeader, c.by.Model)
				}
				_, _ = io.WriteString(w, c.body)
			}))
			t.Cleanup(srv.Close)
			a, err := model.Collect(t.Context(), openai.New(openai.Config{BaseURL: srv.URL + "/v1", Retries: -1}), request(), nil)
			if a.By != c.by || a.Text != "x" || (err != nil) != c.fails {
				t.Errorf("%+v by %+v: %v", a, a.By, err)
			}
		})
	}
}
