package openai_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/modeltest"
	"github.com/isekai-run/isekai/internal/model/openai"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, baseURL string) model.Model {
	m := openai.New(openai.Config{
		BaseURL: baseURL, APIKey: "sk-canary-0123456789", FirstToken: time.Second, Idle: time.Second,
		Total: 10 * time.Second, Backoff: 10 * time.Millisecond, MaxResponse: 4 << 20,
	})
	t.Cleanup(m.Close)
	return m
}

func TestModel(t *testing.T) {
	t.Parallel()
	modeltest.Run(t, open)
}
