package generate

import ("testing";"os";"path/filepath";"strings")

func TestDump(t *testing.T) {
	dir := os.Getenv("DUMP"); if dir == "" { return }
	for name, a := range specs() { for _, rt := range strings.Split(os.Getenv("RT"), ",") {
		a.Runtime = rt
		files, err := Files(a)
		if err != nil { t.Errorf("%s: %v", name, err); continue }
		for _, f := range files { p := filepath.Join(dir, rt, strings.ReplaceAll(name," ","-"), f.Path); os.MkdirAll(filepath.Dir(p),0o755); os.WriteFile(p, []byte(f.Text), 0o644) }
	}}
}
