package encoder

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/isekai-run/isekai/internal/core"
)

// config is what a folder says of its model.
type config struct {
	Type         string  `json:"model_type"`
	Act          string  `json:"hidden_act"`
	Positions    string  `json:"position_embedding_type"` // "" as in newer files: absolute
	Hidden       int     `json:"hidden_size"`
	Layers       int     `json:"num_hidden_layers"`
	Heads        int     `json:"num_attention_heads"`
	Intermediate int     `json:"intermediate_size"`
	Places       int     `json:"max_position_embeddings"`
	Kinds        int     `json:"type_vocab_size"`
	Vocabulary   int     `json:"vocab_size"`
	Epsilon      float64 `json:"layer_norm_eps"`
	Tokens       int     `json:"-"` // of a text, at most
	First        bool    `json:"-"` // the first token is what a text means, not the mean of all
}

func readConfig(root *os.Root) (config, error) {
	var c config
	if err := readJSON(root, "config.json", &c); err != nil {
		return c, err
	}
	switch {
	case c.Type != "bert":
		return c, unsupported("it is a model of the type " + name(c.Type) + "; those of bert run in this process")
	case c.Act != "gelu" || c.Positions != "" && c.Positions != "absolute":
		return c, unsupported("it has the activation " + name(c.Act) + " and positions that are " + name(c.Positions) + "; gelu and absolute ones run in this process")
	case c.Hidden < 1 || c.Hidden > maxHidden || c.Layers < 1 || c.Layers > maxLayers || c.Heads < 1 || c.Hidden%c.Heads != 0 ||
		c.Intermediate < 1 || c.Intermediate > 8*maxHidden || c.Places < 3 || c.Kinds < 1 || c.Vocabulary < 1 || !(c.Epsilon > 0):
		return c, unsupported("its config.json has sizes that no model has")
	}
	var pooling struct {
		First bool `json:"pooling_mode_cls_token"`
		Mean  bool `json:"pooling_mode_mean_tokens"`
	}
	pooling.Mean = true // of models that don't say
	if err := readJSON(root, "1_Pooling/config.json", &pooling); err != nil && core.CodeOf(err) != core.NotFound {
		return c, err
	}
	if pooling.First == pooling.Mean {
		return c, unsupported("it makes a vector of its tokens' in another way than by their mean or the first one")
	}
	c.First = pooling.First
	var length struct {
		Tokens int `json:"max_seq_length"`
	}
	if err := readJSON(root, "sentence_bert_config.json", &length); err != nil && core.CodeOf(err) != core.NotFound {
		return c, err
	}
	c.Tokens = min(c.Places, maxTokens)
	if length.Tokens > 2 {
		c.Tokens = min(c.Tokens, length.Tokens)
	}
	return c, nil
}

// readJSON reads a file of the folder. not_found: it isn't there.
func readJSON(root *os.Root, path string, into any) error {
	f, err := root.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return core.E(core.NotFound, op, "the folder has no "+path).WithHint(folderHint)
	}
	if err != nil {
		return core.E(core.Unavailable, op, path+" can't be read").Because(err)
	}
	defer func() { _ = f.Close() }()
	if err := json.NewDecoder(io.LimitReader(f, maxJSON)).Decode(into); err != nil {
		return unsupported("its " + path + " can't be read").Because(err)
	}
	return nil
}

func unsupported(why string) *core.Error {
	return core.E(core.Unsupported, op, "the model can't run in this process: "+why).WithHint("take another model, or have a server run this one (isekai model add)")
}

func name(s string) string {
	if s == "" {
		return "that isn't said"
	}
	return s[:min(len(s), 40)]
}
