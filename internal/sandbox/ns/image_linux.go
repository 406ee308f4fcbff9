package ns

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns/boot"
)

// image is what every box sees besides its own mounts.
type image struct {
	mounts []boot.Mount
	links  []boot.Link
	path   string // PATH
	tools  []Toolchain
}

var devices = []string{"null", "zero", "full", "random", "urandom"}

// image returns what every box sees, and finds it out the first time.
func (d *Driver) image() (*image, error) {
	d.imageMu.Lock()
	defer d.imageMu.Unlock()
	if d.found != nil {
		return d.found, nil
	}
	im, err := d.newImage()
	if err == nil {
		d.found = im
	}
	return im, err
}

// newImage finds out what of the host boxes see. It asks the toolchains where they
// are, which takes tens of milliseconds.
func (d *Driver) newImage() (*image, error) {
	im := &image{tools: Toolchains(context.Background())}
	im.add("/usr")
	for _, dir := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		if to, err := os.Readlink(dir); err == nil {
			im.links = append(im.links, boot.Link{Path: dir, To: to})
		} else {
			im.add(dir)
		}
	}
	im.add("/nix/store")
	var bins []string
	for _, t := range im.tools {
		for _, dir := range t.folders() {
			im.add(dir)
		}
		if bin := filepath.Dir(t.Path); t.Found() && bin != "/usr/bin" {
			bins = append(bins, bin)
		}
	}
	im.path = strings.Join(append(bins, "/usr/local/bin", "/usr/bin", "/bin"), ":")
	etc, err := d.writeEtc()
	if err != nil {
		return nil, core.E(core.Unavailable, "sandbox.create", "can't write the boxes' /etc").Because(err)
	}
	im.mounts = append(im.mounts, boot.Mount{Source: etc, Target: "/etc"})
	im.add("/etc/alternatives")
	for _, name := range devices {
		im.mounts = append(im.mounts, boot.Mount{Source: "/dev/" + name, Target: "/dev/" + name, Device: true})
	}
	for name, to := range map[string]string{"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"} {
		im.links = append(im.links, boot.Link{Path: "/dev/" + name, To: "/proc/self/fd" + to})
	}
	return im, nil
}

// add makes a host folder visible at the same place, if it is there.
func (im *image) add(dir string) {
	if info, err := os.Lstat(dir); err == nil && info.IsDir() {
		for _, m := range im.mounts {
			if m.Target == dir {
				return
			}
		}
		im.mounts = append(im.mounts, boot.Mount{Source: dir, Target: dir})
	}
}

// writeEtc makes the folder that boxes have as /etc: enough for programs to find a
// name for their uid, localhost, shared libraries and certificates of authorities, and
// nothing else of the host's.
func (d *Driver) writeEtc() (string, error) {
	dir := filepath.Join(d.dir, "etc")
	for _, sub := range []string{"alternatives", "ssl/certs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return "", err
		}
	}
	cache, err := os.ReadFile("/etc/ld.so.cache")
	if err != nil && !os.IsNotExist(err) {
		return "", err
	}
	files := map[string]string{
		"passwd":        "box:x:1000:1000:box:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
		"group":         "box:x:1000:\nnogroup:x:65534:\n",
		"hosts":         "127.0.0.1 localhost box\n::1 localhost box\n",
		"hostname":      "box\n",
		"resolv.conf":   "",
		"nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
		"ld.so.cache":   string(cache),
	}
	if roots := hostRoots(); roots != "" {
		files[strings.TrimPrefix(sandbox.RootsFile, "/etc/")] = roots
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if old, err := os.ReadFile(path); err == nil && string(old) == content {
			continue
		}
		if err := replaceFile(path, content); err != nil {
			return "", err
		}
	}
	for _, sub := range []string{"", "alternatives", "ssl", "ssl/certs"} {
		if err := os.Chmod(filepath.Join(dir, sub), 0o755); err != nil { // whatever the umask
			return "", err
		}
	}
	return dir, nil
}

// hostRoots returns the host's certificates of authorities, "" if it has none: what package
// crypto/x509 looks at first on each distribution.
func hostRoots() string {
	for _, path := range []string{sandbox.RootsFile, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"} {
		if b, err := os.ReadFile(path); err == nil {
			return string(b)
		}
	}
	return ""
}

// replaceFile writes a file at once, since boxes of other processes may be reading it.
func replaceFile(path, content string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(content)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
