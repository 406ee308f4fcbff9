package encoder

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"github.com/isekai-run/isekai/internal/core"
)

// The bounds of a request.
const (
	maxRequest = 16 << 20 // bytes
	maxTexts   = 256
)

// Handler serves the model by the API of OpenAI: POST /v1/embeddings, and GET /v1/models. It asks
// nobody who he is.
func (m *Model) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/embeddings", m.serve)
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"object": "list", "data": []any{map[string]any{"id": m.name, "object": "model", "owned_by": "isekai"}}})
	})
	return mux
}

// texts are one or many, as a request has them.
type texts []string

func (t *texts) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

func (m *Model) serve(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Input      texts  `json:"input"`
		Format     string `json:"encoding_format"`
		Dimensions int    `json:"dimensions"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&asked)
	switch {
	case err != nil:
		refuse(w, "input has to be a text, or a list of texts")
		return
	case len(asked.Input) == 0 || len(asked.Input) > maxTexts:
		refuse(w, "input has to be 1 to "+strconv.Itoa(maxTexts)+" texts")
		return
	case asked.Format != "" && asked.Format != "float" && asked.Format != "base64":
		refuse(w, "encoding_format is float or base64")
		return
	case asked.Dimensions != 0 && asked.Dimensions != m.Dimensions():
		refuse(w, "dimensions of "+m.name+" are "+strconv.Itoa(m.Dimensions()))
		return
	}
	vectors, tokens, err := m.Embed(r.Context(), asked.Input)
	switch {
	case core.CodeOf(err) == core.Invalid:
		refuse(w, core.Fail(err).Msg)
		return
	case err != nil:
		problem(w, http.StatusServiceUnavailable, "server_error", core.Fail(err).Msg)
		return
	}
	data := make([]any, len(vectors))
	for i, v := range vectors {
		item := map[string]any{"object": "embedding", "index": i, "embedding": v}
		if asked.Format == "base64" {
			item["embedding"] = packed(v)
		}
		data[i] = item
	}
	answer(w, http.StatusOK, map[string]any{"object": "list", "data": data, "model": m.name, "usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens}})
}

// packed is a vector as OpenAI's own clients ask for it.
func packed(v []float32) string {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func refuse(w http.ResponseWriter, why string) {
	problem(w, http.StatusBadRequest, "invalid_request_error", why)
}

func problem(w http.ResponseWriter, status int, kind, why string) {
	answer(w, status, map[string]any{"error": map[string]any{"message": why, "type": kind}})
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil { // of numbers and texts: it can be marshaled
		status, text = http.StatusInternalServerError, []byte(`{}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // who went away needs no answer
}
