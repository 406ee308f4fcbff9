package cli

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) mcpAdd() *cobra.Command {
	var n client.NewMCPServer
	var env, secrets []string
	var dir string
	var timeout time.Duration
	c := &cobra.Command{Use: "add NAME ADDRESS | add NAME [--files FOLDER] -- PROGRAM [ARGUMENT...]", Short: "Add an MCP server, or say anew what one is", Args: cobra.MinimumNArgs(2),
		Long: "Add an MCP server to the project, or say anew what one is. It is reached at an address (streamable HTTP), or is a program that speaks on its standard\n" +
			"input and output. A program runs in a sandbox without a network, never on the host: it sees the files of the folder that --files names, read-only, as its\n" +
			"folder, and python3 and node. Its environment is what --env and --secret say, and nothing else. Nothing is started by adding it.",
		Example: "  isekai mcp add github https://api.githubcopilot.com/mcp/ --credential github\n" +
			"  isekai mcp add memory --files ./memory -- node node_modules/@modelcontextprotocol/server-memory/dist/index.js\n" +
			"  isekai mcp add tickets --files . --secret TICKETS_TOKEN=tickets --tool search -- python3 server.py"}
	c.RunE = func(c *cobra.Command, a []string) (err error) {
		n.TimeoutMS = timeout.Milliseconds()
		if n.Env, err = pairs("--env", env); err != nil {
			return err
		}
		if n.Secrets, err = pairs("--secret", secrets); err != nil {
			return err
		}
		n.Transport, n.Argv = "stdio", a[1:]
		if c.ArgsLenAtDash() < 0 {
			if len(a) > 2 || !strings.Contains(a[1], "://") {
				return core.E(core.Invalid, "", strconv.Quote(a[1])+" isn't an address").WithHint("as in https://mcp.example.com/mcp; a program comes after --, as in isekai mcp add NAME -- node server.js")
			}
			n.Transport, n.Address, n.Argv = "http", a[1], nil
		}
		var files []byte
		if dir != "" {
			if files, err = sh.pack(dir); err != nil {
				return err
			}
		}
		return answer(sh, c, func(ctx context.Context, c *client.Client) (client.MCPServer, error) {
			made, err := c.PutMCPServer(ctx, a[0], n, "")
			if err == nil && files != nil {
				made, err = c.PutMCPFiles(ctx, a[0], client.MCPFiles{Format: "zip", Archive: files})
			}
			return made, err
		}, printMCPServer)
	}
	f := c.Flags()
	f.StringVar(&dir, "files", "", "folder that a program sees as its own")
	f.StringArrayVar(&env, "env", nil, "VARIABLE=VALUE of a program, no secret; may be given several times")
	f.StringArrayVar(&secrets, "secret", nil, "VARIABLE=NAME of a stored secret; may be given several times")
	f.StringVar(&n.Credential, "credential", "", "name of the stored secret or connection that an address is sent")
	f.StringArrayVar(&n.Tools, "tool", nil, "tool that may be called, by the server's name; may be given several times (default: all)")
	f.BoolVar(&n.Trust, "trust", false, "believe what it says of its tools' effects: those which only read aren't asked about")
	f.BoolVar(&n.Off, "off", false, "offer its tools to nobody for now")
	f.DurationVar(&timeout, "timeout", 0, "of a call (default: 1m0s)")
	f.StringVar(&n.Note, "note", "", "for people")
	return c
}

// pairs reads words of the form NAME=VALUE.
func pairs(flag string, words []string) (map[string]string, error) {
	if len(words) == 0 {
		return nil, nil
	}
	all := map[string]string{}
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return nil, core.E(core.Invalid, "", flag+" takes VARIABLE=..., and not "+strconv.Quote(cut(name, 20))).WithHint("as in " + flag + " TOKEN=github")
		}
		all[name] = value
	}
	return all, nil
}

// maxPacked bounds what is uploaded.
const maxPacked = 23 << 20

// pack packs the regular files below a folder. Links aren't followed: of those that there are
// the person is told.
func (sh *shell) pack(dir string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, core.E(core.NotFound, "", "the folder "+dir+" can't be opened").Because(err)
	}
	defer func() { _ = root.Close() }()
	var b bytes.Buffer
	z, left := zip.NewWriter(&b), 0
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			left++
			return nil
		case b.Len() > maxPacked:
			return core.E(core.Exhausted, "", "the folder "+dir+" is too large").WithHint("a program's files are at most 23 MiB, packed; leave out what it doesn't need, as with npm install --omit=dev")
		}
		return add(z, root, name)
	})
	if err == nil {
		err = z.Close()
	}
	if left > 0 && err == nil {
		fmt.Fprintf(plain{sh.io.Err}, "%d links and special files below %s are left out.\n", left, dir)
	}
	return b.Bytes(), err
}

// add adds a file to an archive.
func add(z *zip.Writer, root *os.Root, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h := &zip.FileHeader{Name: name, Method: zip.Deflate}
	h.SetMode(info.Mode())
	w, err := z.CreateHeader(h)
	if err == nil {
		_, err = io.Copy(w, f)
	}
	return err
}
