package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) memoryCommand() *cobra.Command {
	c := group("memory", "Keep documents and facts for tasks and people to find again")
	c.AddCommand(sh.memoryAdd(), sh.memoryList(), sh.memoryShow(), sh.memorySearch(), sh.memoryRemember(), sh.memoryFacts(), sh.memoryForget(),
		sh.memorySettings(), sh.memoryReindex())
	return c
}

func (sh *shell) memoryAdd() *cobra.Command {
	var title, kind string
	c := &cobra.Command{Use: "add FILE...", Short: "Keep documents of the project, and find them by what they say", Args: cobra.MinimumNArgs(1),
		Long: "Keep documents of the project: text, Markdown, HTML, CSV, code and PDF, up to 8 MiB each. A file that was added before, under\n" +
			"the same name, is replaced.",
		Example: "  isekai memory add handbook.md manual.pdf\n  isekai memory add --title 'Price list' prices.csv",
		RunE: func(c *cobra.Command, files []string) error {
			if title != "" && len(files) > 1 {
				return core.E(core.Invalid, "", "--title is for one file").WithHint("add them one by one")
			}
			return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.Document, error) {
				var all []client.Document
				for _, name := range files {
					content, err := documentFile(name)
					if err != nil {
						return nil, err
					}
					n := client.NewDocument{Source: filepath.ToSlash(filepath.Clean(name)), Title: title, Kind: kind, Content: content}
					d, err := c.AddDocument(ctx, n, core.NewID("key"))
					if err != nil {
						return nil, fmt.Errorf("%s: %w", name, err)
					}
					all = append(all, d)
				}
				return all, nil
			}, func(w io.Writer, all []client.Document) { printDocuments(w, all, "") })
		}}
	c.Flags().StringVar(&title, "title", "", "what it is called (default: what it says of itself, or its name)")
	c.Flags().StringVar(&kind, "kind", "", "text, markdown, html, csv, code or pdf (default: by name and content)")
	return c
}

// maxDocument is what a server takes, unless it was told otherwise.
const maxDocument = 8 << 20

func documentFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, core.E(core.Invalid, "", name+" can't be read").Because(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	switch {
	case err != nil:
		return nil, core.E(core.Invalid, "", name+" can't be read").Because(err)
	case len(b) > maxDocument:
		return nil, core.E(core.Exhausted, "", name+" has more than 8 MiB").WithHint("split it")
	case len(b) == 0:
		return nil, core.E(core.Invalid, "", name+" is empty")
	}
	return b, nil
}

var documentHead = []string{"DOCUMENT", "TITLE", "SOURCE", "KIND", "SIZE", "PARTS", "FOUND BY"}

// foundBy says how a document or a fact is found.
func foundBy(state, why string) string {
	by := map[string]string{"indexed": "words and meaning", "words": "words", "waiting": "words; vectors are coming", "failed": "nothing"}[state]
	if why != "" && state != "waiting" {
		by += ": " + why
	}
	return cut(by, 80)
}

func documentRow(d client.Document) []string {
	return []string{d.ID, cut(d.Title, 40), cut(d.Source, 40), d.Kind, bytesOf(d.Size), strconv.Itoa(d.Parts) + yes(d.Cut, ", cut"), foundBy(d.State, d.Why)}
}

// bytesOf writes a size.
func bytesOf(n int64) string {
	switch {
	case n < 1<<10:
		return strconv.FormatInt(n, 10) + " B"
	case n < 1<<20:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	}
	return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MiB"
}

func printDocuments(w io.Writer, all []client.Document, next string) {
	rows := [][]string{documentHead}
	for _, d := range all {
		rows = append(rows, documentRow(d))
	}
	table(w, rows, "No documents.", next)
}

func (sh *shell) memoryList() *cobra.Command {
	return listing(sh, &cobra.Command{Use: "list", Short: "List the project's documents", Example: "  isekai memory list"},
		func(ctx context.Context, c *client.Client, o client.PageOptions) (client.Page[client.Document], error) {
			return c.Documents(ctx, o)
		}, documentHead, documentRow, "No documents.")
}

func (sh *shell) memoryShow() *cobra.Command {
	var content bool
	c := &cobra.Command{Use: "show DOCUMENT", Short: "Show what is known of a document, or with --content the document as it came", Args: args("a document's id"),
		Example: "  isekai memory show doc_01hx\n  isekai memory show doc_01hx --content > handbook.md",
		RunE: func(c *cobra.Command, a []string) error {
			if content {
				return answer(sh, c, func(ctx context.Context, c *client.Client) (client.DocumentContent, error) {
					return c.DocumentContent(ctx, a[0])
				},
					func(_ io.Writer, d client.DocumentContent) { _, _ = sh.io.Out.Write(d.Content) }) // as it is, whatever a terminal makes of it
			}
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Document, error) { return c.Document(ctx, a[0]) },
				func(w io.Writer, d client.Document) {
					facts(w, [][2]string{{"Document", d.ID}, {"Title", d.Title}, {"Source", d.Source}, {"Kind", d.Kind}, {"Size", bytesOf(d.Size) + yes(d.Cut, ", of which the beginning was taken")},
						{"Parts", strconv.Itoa(d.Parts)}, {"Found by", foundBy(d.State, d.Why)}, {"Embeddings", d.Model}, {"Added", minute(d.Created) + " by " + d.By.ID}, {"Changed", minute(d.Changed)}})
				})
		}}
	c.Flags().BoolVar(&content, "content", false, "the document as it came")
	return c
}

func (sh *shell) memorySearch() *cobra.Command {
	q := client.Question{}
	c := &cobra.Command{Use: "search QUERY", Short: "Find what is about something, by words and by meaning", Args: cobra.MinimumNArgs(1),
		Example: "  isekai memory search how are backups verified\n  isekai memory search --limit 3 --kind fact 'preferred language'",
		RunE: func(c *cobra.Command, words []string) error {
			q.Question = strings.Join(words, " ")
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Recalled, error) { return c.Recall(ctx, q) }, printRecalled)
		}}
	c.Flags().IntVar(&q.Limit, "limit", 5, "how many, 1 to 50")
	c.Flags().StringVar(&q.Kind, "kind", "", "document or fact (default: both)")
	return c
}

func printRecalled(w io.Writer, r client.Recalled) {
	if len(r.Hits) == 0 {
		fmt.Fprintln(w, "Nothing found.")
	}
	for i, h := range r.Hits {
		fmt.Fprintf(w, "%d. %s (%s)\n", i+1, oneLine(h.Cite), h.ID)
		for line := range strings.Lines(h.Text) {
			fmt.Fprintln(w, "   "+printable(strings.TrimRight(line, "\n")))
		}
		fmt.Fprintln(w)
	}
	for _, l := range r.Lacks {
		fmt.Fprintln(w, "Note: "+oneLine(l))
	}
}

func (sh *shell) memoryReindex() *cobra.Command {
	return &cobra.Command{Use: "reindex", Short: "Have all that the project keeps be read and embedded anew, in the background", Args: cobra.NoArgs, Example: "  isekai memory reindex",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Counted, error) { return c.Reindex(ctx) },
				func(w io.Writer, n client.Counted) {
					fmt.Fprintln(w, strconv.Itoa(n.Count)+" documents and facts are read and embedded anew, in the background.")
				})
		}}
}
