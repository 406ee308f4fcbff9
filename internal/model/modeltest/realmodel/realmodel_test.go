package realmodel_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/model/modeltest/realmodel"
)

func post(t *testing.T, url string, question, answer any) {
	t.Helper()
	body, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s", res.Status)
	}
	if err := json.NewDecoder(res.Body).Decode(answer); err != nil {
		t.Fatal(err)
	}
}

// What means the same is nearer than what doesn't, in two languages as well.
func TestEmbeddings(t *testing.T) {
	t.Parallel()
	s := realmodel.Start(t)
	var answer struct {
		Data []struct{ Embedding []float64 }
	}
	post(t, s.EmbedURL+"/embeddings", map[string]any{"model": s.EmbedModel, "input": []string{
		"The cat sat on the mat.", "A kitten rests on a rug.", "Eine Katze liegt auf dem Teppich.",
		"Shares fell after the central bank raised its rates.",
	}}, &answer)
	if len(answer.Data) != 4 {
		t.Fatalf("%d vectors", len(answer.Data))
	}
	alike := func(i, j int) (sum float64) { // vectors have length 1
		for k, v := range answer.Data[i].Embedding {
			sum += v * answer.Data[j].Embedding[k]
		}
		return sum
	}
	if same := alike(0, 0); same < 0.99 || same > 1.01 {
		t.Errorf("a sentence is like itself by %.3f", same)
	}
	for other := 1; other <= 2; other++ {
		if near, far := alike(0, other), alike(0, 3); near < far+0.05 {
			t.Errorf("sentence %d: the same meaning by %.3f, another by %.3f", other, near, far)
		}
	}
}

// The same question has the same answer, whatever was asked in between.
func TestAnswersRepeat(t *testing.T) {
	t.Parallel()
	s := realmodel.Start(t)
	ask := func(text string) string {
		var answer struct {
			Choices []struct{ Message struct{ Content string } }
		}
		post(t, s.ChatURL+"/chat/completions", map[string]any{"model": s.ChatModel, "max_tokens": 24,
			"messages": []any{map[string]string{"role": "user", "content": text}}}, &answer)
		if len(answer.Choices) != 1 || answer.Choices[0].Message.Content == "" {
			t.Fatalf("%+v", answer)
		}
		return answer.Choices[0].Message.Content
	}
	first := ask("Tell me about the sea.")
	ask("Tell me about the sea at night.")
	if again := ask("Tell me about the sea."); again != first {
		t.Errorf("%q, then %q", first, again)
	}
}

// Close ends the models in the middle of an answer, too.
func TestClose(t *testing.T) {
	t.Parallel()
	s := realmodel.Start(t)
	body, err := json.Marshal(map[string]any{"model": s.ChatModel, "stream": true, "max_tokens": 4000,
		"messages": []any{map[string]string{"role": "user", "content": "Tell me a long story."}}})
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(s.ChatURL+"/chat/completions", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := res.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s.Close()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if _, err := http.Get(s.EmbedURL + "/models"); err == nil {
		t.Error("the models still answer")
	}
}
