package platform

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest/realmodel"
)

// A model's folder is all that it takes to find by meaning: no server, no network. It is a
// provider like others.
func TestAModelOfEmbeddingsInThisProcess(t *testing.T) {
	t.Parallel()
	in := must(Platform{}.Load("", map[string]any{"data_dir": t.TempDir(), "memory.dir": realmodel.Folder(t)}))(t)
	conn := must(in.Connect(t.Context(), cli.Direct))(t)
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	d := must(conn.Client.AddDocument(t.Context(), client.NewDocument{Source: "h.md", Text: "# Pump\n\nThe filter is replaced monthly.\n\n# Lunch\n\nSoup is served at noon.\n"}, ""))(t)
	if d.State != "indexed" {
		t.Fatalf("%+v", d)
	}
	a := must(conn.Client.Recall(t.Context(), client.Question{Question: "when do we eat"}))(t)
	if len(a.Lacks) > 0 || len(a.Hits) == 0 || !strings.Contains(a.Hits[0].Text, "Soup") {
		t.Errorf("%+v", a)
	}
	all := must(conn.Client.ModelProviders(t.Context(), true))(t)
	if len(all) != 1 || all[0].Name != embedderName || len(all[0].Speaks) != 1 || all[0].Models[0].Name != "all-MiniLM-L6-v2" {
		t.Errorf("%+v", all)
	}
}

func TestAFolderWithoutAModelIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	in := must(Platform{}.Load("", map[string]any{"data_dir": t.TempDir(), "memory.dir": t.TempDir()}))(t)
	_, err := in.Connect(t.Context(), cli.Direct)
	if core.CodeOf(err) != core.Invalid || !strings.Contains(err.Error(), "memory.dir") || core.HintOf(err) == "" {
		t.Error(err)
	}
}
