package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// Embeddings are vectors of texts, by a model in a folder.
type Embeddings struct {
	Model      string        `json:"model"`
	Dimensions int           `json:"dimensions"`
	Tokens     int           `json:"tokens"` // that were read
	Took       time.Duration `json:"took_ns"`
	Vectors    [][]float32   `json:"vectors"` // of length one
}

func (sh *shell) modelEmbed() *cobra.Command {
	var dir string
	c := &cobra.Command{Use: "embed TEXT...", Short: "Make embeddings of texts in this process, by a model in a folder", Args: cobra.MinimumNArgs(1),
		Long: "Make embeddings of texts in this process, by a model in a folder as sentence-transformers publishes it (config.json, tokenizer.json,\n" +
			"model.safetensors), and say how near each is to the first; --json prints the vectors. No server and no installation is needed.\n" +
			"With memory.dir set to such a folder, a server has the model for all orgs, and finds documents by what they mean with it.",
		Example: "  isekai model embed --dir models/all-MiniLM-L6-v2 \"how often are filters changed\" \"replace the filter monthly\" \"the cat sleeps\""}
	c.Flags().StringVar(&dir, "dir", "", "the model's folder")
	_ = c.MarkFlagRequired("dir") // it is there
	c.RunE = func(c *cobra.Command, texts []string) error {
		e, err := sh.platform.Embed(c.Context(), dir, texts)
		if err != nil {
			return err
		}
		return sh.print(e, func(w io.Writer) {
			fmt.Fprintf(w, "%s  %d dimensions, %d tokens in %d ms\n", printable(e.Model), e.Dimensions, e.Tokens, e.Took.Milliseconds())
			for i, text := range texts {
				fmt.Fprintf(w, "%6.3f  %s\n", cosine(e.Vectors[0], e.Vectors[i]), printable(text))
			}
		})
	}
	return c
}

// cosine is how near two vectors of length one are.
func cosine(a, b []float32) (sum float32) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}
