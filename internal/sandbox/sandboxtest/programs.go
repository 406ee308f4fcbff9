package sandboxtest

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/sandbox"
)

// programTests run what users run. A filter that is too tight breaks these.
func programTests() tests {
	all := tests{
		"python serves HTTP": func(t *testing.T, g rig) {
			servesHTTP(t, g, []string{"python3", "-m", "http.server", "8000", "--bind", "127.0.0.1", "--directory", "/app"})
		},
		"node serves HTTP": func(t *testing.T, g rig) {
			servesHTTP(t, g, []string{"node", "-e", `require("http").createServer((q,a)=>a.end("from the app")).listen(8000,"127.0.0.1")`})
		},
	}
	for name, c := range ordinary() {
		all[name] = func(t *testing.T, g rig) {
			box, _ := g.workspace(t, sandbox.Limits{CPU: 2})
			c.Dir = "/data"
			if got := ok(t, run(t, box, c)); !strings.Contains(got, "fine") {
				t.Errorf("it printed %q", got)
			}
		}
	}
	return all
}

// ordinary are programs that print "fine" when they are.
func ordinary() map[string]sandbox.Command {
	python := func(lines ...string) sandbox.Command {
		return sandbox.Command{Argv: []string{"python3", "-c", strings.Join(append(lines, "print('fine')"), "\n")}}
	}
	node := func(script string) sandbox.Command { return sandbox.Command{Argv: []string{"node", "-e", script}} }
	shell := func(script string) sandbox.Command {
		return sandbox.Command{Argv: []string{"sh", "-ec", script + "\necho fine"}}
	}
	return map[string]sandbox.Command{
		"python has SQLite": python("import sqlite3", "c=sqlite3.connect('/data/a.db')", "c.execute('pragma journal_mode=wal')",
			"c.execute('create table t(x)')", "c.execute('insert into t values(1)')", "c.commit()",
			"assert c.execute('select x from t').fetchone()==(1,)"),
		"python has threads": python("import threading", "l=[]", "ts=[threading.Thread(target=l.append,args=(i,)) for i in range(8)]",
			"[t.start() for t in ts]", "[t.join() for t in ts]", "assert len(l)==8"),
		"python has subprocesses": python("import subprocess", "assert subprocess.check_output(['sh','-c','echo a|cat'])==b'a\\n'"),
		"python has multiprocessing": python("import multiprocessing as m", "p=m.get_context('fork').Pool(2)",
			"assert p.map(abs,[-1,-2])==[1,2]", "p.close()", "p.join()"),
		"python has TLS, asyncio and temporary files": python("import ssl,asyncio,tempfile,os,socket,secrets,zoneinfo,getpass",
			"ssl.create_default_context()", "asyncio.run(asyncio.sleep(0.01))", "tempfile.TemporaryFile().write(b'x')",
			"a,b=socket.socketpair()", "a.send(b'x')", "assert b.recv(1)==b'x'", "os.cpu_count()", "os.path.expanduser('~')"),
		"node has workers":  node(`const w=require("worker_threads");const k=new w.Worker("require('worker_threads').parentPort.postMessage('fine')",{eval:true});k.on("message",m=>console.log(m))`),
		"node has children": node(`console.log(require("child_process").execFileSync("sh",["-c","echo fine | cat"]).toString())`),
		"node watches files": node(`const fs=require("fs");const w=fs.watch(".",()=>{w.close();clearInterval(i);console.log("fine")});` +
			`let n=0;const i=setInterval(()=>fs.writeFileSync("f"+n++,"x"),20)`),
		"node has crypto and files": node(`const c=require("crypto"),fs=require("fs").promises;` +
			`(async()=>{await fs.writeFile("a",c.randomBytes(9));await fs.rename("a","b");await fs.stat("b");c.scryptSync("a","b",32);console.log("fine")})()`),
		"the shell has pipelines": shell(`seq 100 | sort -rn | head -1 | grep -qx 100; f=$(mktemp); echo x > $f; test -s $f; rm $f; (sleep 0.01 & wait)`),
		"the shell has its tools": shell(`mkdir d; cp /etc/passwd d/p; tar cf d.tar d; tar tf d.tar >/dev/null; gzip d.tar; sed s/x/y/ d/p | awk '{print}' | wc -l; ln -s d/p l; readlink l; touch -d yesterday d/p; chmod 600 d/p; find . -name p; diff d/p l; df . ; date; id; uname -a; sha256sum l`),
		"git commits":             shell(`git init -q . && echo x > a && git add a && git -c user.name=a -c user.email=a@example.org commit -qm a && git log --oneline && git --version`),
		"go, if it is in PATH":    shell(`if command -v go; then go version; fi`),
	}
}

// servesHTTP starts an app and asks it through Dial.
func servesHTTP(t *testing.T, g rig, argv []string) {
	app := folder(t)
	put(t, app+"/index.html", "from the app")
	box := g.box(t, sandbox.Spec{Mounts: []sandbox.Mount{{Host: app, Target: "/app"}}, Limits: sandbox.Limits{Wall: -1, Output: -1, CPU: 2}})
	ended := background(t, box, sandbox.Command{Argv: argv})
	client := http.Client{Timeout: soon, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return box.Dial(ctx, network, "127.0.0.1:8000")
		},
	}}
	eventually(t, "the app answers", func() bool {
		select {
		case o := <-ended:
			t.Fatalf("the app ended: %+v\n%s", o.Exit, clip(o.err))
		default:
		}
		answer, err := client.Get("http://app.localhost/")
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			return false
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		return err == nil && string(b) == "from the app" && answer.StatusCode == http.StatusOK
	})
}
