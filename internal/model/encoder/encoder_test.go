package encoder

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/model/modeltest/realmodel"
)

// reference is what others make of a text: the tokens of PyPI's tokenizers 0.23.3, and the first
// numbers of onnxruntime 1.23's vector, of the same model with weights of eight bits.
type reference struct {
	Text   string
	IDs    []int
	Vector []float64
}

func TestRealModel(t *testing.T) {
	t.Parallel()
	m, err := Open(realmodel.Folder(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []reference
	if err := json.Unmarshal(data, &all); err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	t.Run("texts are taken apart as by others", func(t *testing.T) {
		for _, r := range all {
			if got := m.words.tokens(r.Text, 256); !slices.Equal(got, r.IDs) {
				t.Errorf("%q: %v, want %v", r.Text, got, r.IDs)
			}
		}
	})
	t.Run("a text means what it means to others", func(t *testing.T) {
		for _, r := range all {
			v := embed(t, m, r.Text)[0]
			for i, want := range r.Vector {
				if math.Abs(float64(v[i])-want) > 0.01 {
					t.Errorf("%q: %v at %d, want %v", r.Text, v[i], i, want)
				}
			}
		}
	})
	t.Run("nearness is what its makers say", func(t *testing.T) { // on the model's page
		v := embed(t, m, "That is a happy person", "That is a very happy person", "That is a happy dog", "Today is a sunny day")
		for i, want := range []float64{1, 0.9429, 0.6946, 0.2569} {
			if got := dot(v[0], v[i]); math.Abs(got-want) > 0.0002 {
				t.Errorf("%d: %.4f, want %.4f", i, got, want)
			}
		}
	})
	t.Run("what is beyond its length isn't read", func(t *testing.T) {
		long := embed(t, m, strings.Repeat("word ", 300), strings.Repeat("word ", 400))
		if got := dot(long[0], long[1]); got < 0.99999 {
			t.Error(got)
		}
		if _, n, err := m.Embed(t.Context(), []string{strings.Repeat("word ", 400)}); err != nil || n != 256 {
			t.Error(n, err)
		}
	})
}

func embed(t *testing.T, m *Model, texts ...string) [][]float32 {
	t.Helper()
	v, _, err := m.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
