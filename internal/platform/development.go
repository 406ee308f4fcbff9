package platform

import (
	"context"
	"time"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/repo"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/azure"
	checktool "github.com/isekai-run/isekai/internal/tool/check"
	"github.com/isekai-run/isekai/internal/tool/git"
	"github.com/isekai-run/isekai/internal/tool/github"
	remoteskill "github.com/isekai-run/isekai/internal/tool/remote"
)

// developmentTools are the tools for work on code that isn't an app. It opens the projects'
// repositories, too, which go out by the same way.
func (n *node) developmentTools() ([]tool.Tool, error) {
	guard, err := n.cfg.Egress.forGit().guard()
	if err != nil {
		return nil, err
	}
	n.stages.add("connections of git", func(context.Context) error { guard.Close(); return nil })
	away := outside{guard, n.secrets}
	n.repos = repo.New(repo.Config{Records: n.store, Blobs: n.blobs, Dir: n.dir.Join("repos"), Outside: away, Dial: guard.DialContext})
	all := checktool.Tools(checktool.Config{Boxes: n.sandbox, Cache: n.dir.Join("cache")})
	all = append(all, git.Tools(git.Config{
		Records: n.store, Blobs: n.blobs, Dir: n.dir.Join("git"), Outside: away, Dial: guard.DialContext,
	})...)
	n.jobs = remoteskill.NewJobs(n.store, n.callbackURL())
	web := outside{n.outside, n.secrets}
	all = append(all, github.Tools(github.Config{Outside: web})...)
	all = append(all, azure.Tools(azure.Config{Outside: web})...)
	return append(all, remoteskill.New(remoteskill.Config{Outside: web, Jobs: n.jobs})), nil
}

// callbackURL is where services elsewhere come back to: nowhere, if nobody can reach this server.
func (n *node) callbackURL() string {
	if n.mode != cli.Serving || n.cfg.Public.URL == "" {
		return ""
	}
	return n.cfg.Public.URL + remoteskill.CallbackPath
}

// forGit is the same way out with the bounds of a repository: gitdir has its own, and a call
// of a git tool its time. Port 22 is open, which SSH is usually at; no redirect is followed.
func (e Egress) forGit() Egress {
	e.MaxBody, e.Timeout, e.Redirects = mostBody, time.Hour, 0
	if e.Ports == "" {
		e.Ports = "80,443"
	}
	e.Ports += ",22"
	return e
}
