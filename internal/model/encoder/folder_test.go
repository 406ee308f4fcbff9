package encoder

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

// tiny writes a model of two layers and eight dimensions, whose numbers are anybody's, and
// returns its folder.
func tiny(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tiny")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "config.json", `{"model_type":"bert","hidden_act":"gelu","hidden_size":8,"num_hidden_layers":2,"num_attention_heads":2,"intermediate_size":16,"max_position_embeddings":12,"type_vocab_size":2,"vocab_size":7,"layer_norm_eps":1e-12}`)
	write(t, dir, "tokenizer.json", `{"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},
		"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"a":4,"b":5,"##b":6}}}`)
	shapes := map[string][]int{}
	c, err := readConfig(must(os.OpenRoot(dir))(t))
	if err != nil {
		t.Fatal(err)
	}
	shapes["embeddings.word_embeddings.weight"] = []int{c.Vocabulary, c.Hidden}
	_, _ = networkOf(c, func(name string, shape ...int) ([]float32, error) {
		shapes[name] = shape
		return make([]float32, c.Places*c.Hidden), nil
	})
	writeTensors(t, dir, shapes)
	return dir
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func writeTensors(t testing.TB, dir string, shapes map[string][]int) {
	t.Helper()
	places, data := map[string]place{}, []byte{}
	for name, shape := range shapes {
		from, n := int64(len(data)), 1
		for _, s := range shape {
			n *= s
		}
		for i := range n {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(math.Sin(float64(i+len(name))))))
		}
		places[name] = place{Type: "F32", Shape: shape, At: [2]int64{from, int64(len(data))}}
	}
	head, err := json.Marshal(places)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, weights, string(binary.LittleEndian.AppendUint64(nil, uint64(len(head))))+string(head)+string(data))
}

// A folder that can't be run as its makers meant isn't run at all.
func TestRefused(t *testing.T) {
	t.Parallel()
	edit := func(file, from, to string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			data, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil || !bytes.Contains(data, []byte(from)) {
				t.Fatal(err)
			}
			write(t, dir, file, strings.ReplaceAll(string(data), from, to))
		}
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string)
		code   core.Code
	}{
		"without weights":            {func(t *testing.T, dir string) { _ = os.Remove(filepath.Join(dir, weights)) }, core.NotFound},
		"another type":               {edit("config.json", `"bert"`, `"llama"`), core.Unsupported},
		"other positions":            {edit("config.json", `"hidden_act"`, `"position_embedding_type":"relative_key","hidden_act"`), core.Unsupported},
		"heads that don't fit":       {edit("config.json", `"num_attention_heads":2`, `"num_attention_heads":3`), core.Unsupported},
		"too large":                  {edit("config.json", `"hidden_size":8`, `"hidden_size":80000000`), core.Unsupported},
		"more layers than there are": {edit("config.json", `"num_hidden_layers":2`, `"num_hidden_layers":3`), core.Unsupported},
		"another vocabulary":         {edit("tokenizer.json", `"WordPiece"`, `"Unigram"`), core.Unsupported},
		"words outside":              {edit("tokenizer.json", `"##b":6`, `"##b":7`), core.Unsupported},
		"no JSON":                    {edit("tokenizer.json", `{`, `[`), core.Unsupported},
		"another pooling": {func(t *testing.T, dir string) {
			_ = os.Mkdir(filepath.Join(dir, "1_Pooling"), 0o755)
			write(t, dir, "1_Pooling/config.json", `{"pooling_mode_mean_tokens":false,"pooling_mode_max_tokens":true}`)
		}, core.Unsupported},
		"numbers of another type": {edit(weights, `"F32"`, `"I64"`), core.Unsupported},
		"a header that is cut": {func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, weights), 100); err != nil {
				t.Fatal(err)
			}
		}, core.Unsupported},
		"tensors that are cut": {func(t *testing.T, dir string) {
			info, err := os.Stat(filepath.Join(dir, weights))
			if err == nil {
				err = os.Truncate(filepath.Join(dir, weights), info.Size()-4)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, core.Unsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tiny(t)
			c.change(t, dir)
			m, err := Open(dir)
			if core.CodeOf(err) != c.code {
				t.Fatal(m, err)
			}
		})
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); core.CodeOf(err) != core.NotFound {
		t.Error(err)
	}
}

// Many may ask at once, and who gives up doesn't wait.
func TestMany(t *testing.T) {
	t.Parallel()
	m := must(Open(tiny(t)))(t)
	t.Cleanup(func() { _ = m.Close() })
	want := embed(t, m, "ab a b")[0]
	if n := dot(want, want); math.Abs(n-1) > 1e-5 || len(want) != m.Dimensions() {
		t.Fatal(n, want)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if v, _, err := m.Embed(t.Context(), []string{"ab a b"}); err != nil || dot(v[0], want) < 0.99999 {
				t.Error(v, err)
			}
		})
	}
	all.Wait()
	m.turn <- struct{}{} // somebody else's
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := m.Embed(ctx, []string{"a"}); core.CodeOf(err) != core.Canceled {
		t.Error(err)
	}
}

// The API is OpenAI's.
func TestHandler(t *testing.T) {
	t.Parallel()
	m := must(Open(tiny(t)))(t)
	t.Cleanup(func() { _ = m.Close() })
	s := httptest.NewServer(m.Handler())
	t.Cleanup(s.Close)
	post := func(body string) (int, string) {
		res := must(http.Post(s.URL+"/v1/embeddings", "application/json", strings.NewReader(body)))(t)
		defer func() { _ = res.Body.Close() }()
		var b bytes.Buffer
		if _, err := b.ReadFrom(res.Body); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, b.String()
	}
	var plain struct {
		Model string
		Data  []struct {
			Index     int
			Embedding []float32
		}
		Usage struct {
			PromptTokens int `json:"prompt_tokens"`
		}
	}
	status, body := post(`{"model":"tiny","input":["ab","b"]}`)
	if err := json.Unmarshal([]byte(body), &plain); err != nil || status != 200 || len(plain.Data) != 2 || plain.Data[1].Index != 1 || plain.Model != "tiny" || plain.Usage.PromptTokens != 7 {
		t.Fatal(status, body, err)
	}
	status, body = post(`{"model":"tiny","input":"ab","encoding_format":"base64"}`)
	var packed struct{ Data []struct{ Embedding string } }
	if err := json.Unmarshal([]byte(body), &packed); err != nil || status != 200 {
		t.Fatal(status, body, err)
	}
	raw := must(base64.StdEncoding.DecodeString(packed.Data[0].Embedding))(t)
	for i, want := range plain.Data[0].Embedding {
		if got := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])); got != want {
			t.Error(i, got, want)
		}
	}
	for _, bad := range []string{`{`, `{"input":[]}`, `{"input":[1,2]}`, `{"input":"a","encoding_format":"x"}`, `{"input":"a","dimensions":3}`, fmt.Sprintf(`{"input":%q}`, strings.Repeat("a", maxText+1))} {
		if status, body := post(bad); status != 400 || !strings.Contains(body, "invalid_request_error") {
			t.Errorf("%.40s: %d %s", bad, status, body)
		}
	}
}

func TestHalf(t *testing.T) {
	t.Parallel()
	for b, want := range map[uint16]float64{0: 0, 0x3C00: 1, 0xC000: -2, 0x7BFF: 65504, 0x0001: 5.960464477539063e-08, 0x03FF: 6.097555160522461e-05, 0x7C00: math.Inf(1)} {
		if got := float64(half(b)); got != want {
			t.Errorf("%#x: %v, want %v", b, got, want)
		}
	}
	var bf [1]float32
	decode("BF16", []byte{0x80, 0x3F}, bf[:])
	if bf[0] != 1 {
		t.Error(bf)
	}
}

// No file of tensors takes the process with it.
func FuzzTensors(f *testing.F) {
	dir := tiny(f)
	data, err := os.ReadFile(filepath.Join(dir, weights))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:50])
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := tiny(t)
		write(t, dir, weights, string(data))
		m, err := Open(dir)
		if err != nil {
			return
		}
		defer func() { _ = m.Close() }()
		if v, _, err := m.Embed(t.Context(), []string{"ab"}); err == nil && len(v[0]) != 8 {
			t.Error(v)
		}
	})
}
