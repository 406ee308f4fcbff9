package modeltest_test

import (
	"testing"

	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

func TestFake(t *testing.T) {
	t.Parallel()
	modeltest.RunPort(t, func(_ testing.TB, s modeltest.Script) model.Model { return modeltest.NewFake(s) })
}
