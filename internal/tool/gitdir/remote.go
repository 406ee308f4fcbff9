package gitdir

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/isekai-run/isekai/internal/core"
)

const remoteName = "origin"

// Remote is a repository on a host, and what it takes to reach it.
type Remote struct {
	URL    URL
	Client *http.Client                                                         // of https and http: every address that it reaches is checked by it
	Dial   func(ctx context.Context, network, address string) (net.Conn, error) // of ssh, likewise

	User, Secret string // of https: Basic; empty is nobody
	Key          []byte // of ssh: a private key
	Passphrase   []byte // of Key
	HostKey      string // of ssh: "ssh-ed25519 AAAA...", one that the host must have; several are parted by newlines
}

// With returns the remote with a credential: a name and a password or token, or for SSH a
// private key. denied: it would be sent in the clear.
func (r Remote) With(user, secret, passphrase string) (Remote, error) {
	switch {
	case r.URL.Scheme == "ssh":
		r.Key, r.Passphrase = []byte(secret), []byte(passphrase)
	case !r.URL.Private():
		return Remote{}, core.E(core.Denied, "git", "a credential isn't sent in the clear").WithHint("give the repository's address as https://")
	default:
		r.User, r.Secret = user, secret
	}
	return r, nil
}

// transport returns the way to the remote. It is made for the one operation: what go-git keeps
// for all of a process (client.InstallProtocol) is never used, as it knows no tenants.
func (r Remote) transport(ctx context.Context) (transport.Transport, *transport.Endpoint, transport.AuthMethod, error) {
	ep := &transport.Endpoint{Protocol: r.URL.Scheme, Host: r.URL.Host, Port: r.URL.Port, Path: r.URL.Path}
	if strings.Contains(ep.Host, ":") {
		ep.Host = "[" + ep.Host + "]"
	}
	if r.URL.Scheme == "ssh" {
		return sshTransport{ctx, r}, ep, nil, nil
	}
	if r.Client == nil {
		return nil, nil, nil, core.E(core.Unsupported, "git", "there is no way out for "+r.URL.Scheme)
	}
	ep.Path = "/" + strings.Trim(ep.Path, "/")
	var auth transport.AuthMethod
	if r.Secret != "" {
		user := r.User
		if user == "" {
			user = "git"
		}
		auth = &githttp.BasicAuth{Username: user, Password: r.Secret}
	}
	// A redirect may lead to another host, with what was sent: none is followed.
	return githttp.NewClientWithOptions(r.Client, &githttp.ClientOptions{RedirectPolicy: githttp.NoFollowRedirects}), ep, auth, nil
}

// Fetched is what a fetch found.
type Fetched struct {
	Branch string // that was asked for, or the remote's own
	Commit string
}

// Fetch gets a branch or a tag, or the remote's own branch if none is named, with some of its
// history, and keeps where it is as a remote branch. not_found: the remote has no such
// repository or branch; denied and unauthenticated: the credential isn't good for it;
// exhausted: it is over the limits; unavailable: it doesn't answer.
func (d *Dir) Fetch(ctx context.Context, r Remote, branch string) (Fetched, error) {
	t, ep, auth, err := r.transport(ctx)
	if err != nil {
		return Fetched{}, err
	}
	s, err := t.NewUploadPackSession(ep, auth)
	if err != nil {
		return Fetched{}, lost(ctx, err)
	}
	defer s.Close()
	adv, err := s.AdvertisedReferencesContext(ctx)
	if err != nil {
		return Fetched{}, lost(ctx, err)
	}
	found, err := pick(adv, branch)
	if err != nil {
		return Fetched{}, err
	}
	want := plumbing.NewHash(found.Commit)
	if d.store.HasEncodedObject(want) != nil {
		if err := d.pull(ctx, s, adv, want); err != nil {
			return Fetched{}, err
		}
	}
	c, err := d.peel(want)
	if err != nil {
		return Fetched{}, err
	}
	found.Commit = c.String()
	ref := plumbing.NewHashReference(plumbing.NewRemoteReferenceName(remoteName, found.Branch), c)
	return found, failed("the branch can't be kept", d.store.SetReference(ref))
}

// pick finds a branch or a tag in what a remote has.
func pick(adv *packp.AdvRefs, branch string) (Fetched, error) {
	refs, err := adv.AllReferences()
	if err != nil {
		return Fetched{}, core.E(core.Invalid, "git", "the server's list of branches can't be read").Because(err)
	}
	if branch == "" {
		head, ok := refs[plumbing.HEAD]
		if !ok {
			return Fetched{}, core.E(core.NotFound, "git", "the repository doesn't say which branch is its own").WithHint("name a branch")
		}
		if head.Type() == plumbing.SymbolicReference {
			branch = head.Target().Short()
		} else { // a server that doesn't say: a branch that is there too
			for name, ref := range refs {
				if name.IsBranch() && ref.Hash() == head.Hash() && (branch == "" || name.Short() < branch) {
					branch = name.Short()
				}
			}
		}
	}
	if err := CheckBranch(branch); err != nil {
		return Fetched{}, err
	}
	for _, name := range []plumbing.ReferenceName{plumbing.NewBranchReferenceName(branch), plumbing.NewTagReferenceName(branch)} {
		if ref, ok := refs[name]; ok && ref.Type() == plumbing.HashReference {
			return Fetched{Branch: branch, Commit: ref.Hash().String()}, nil
		}
	}
	return Fetched{}, core.E(core.NotFound, "git", "the repository has no branch or tag "+branch)
}

// peel returns the commit that a hash is, or the tag of which names.
func (d *Dir) peel(h plumbing.Hash) (plumbing.Hash, error) {
	for range 5 {
		o, err := object.GetObject(d.store, h)
		if err != nil {
			return h, core.E(core.Invalid, "git", "the server didn't send what it has").Because(err)
		}
		switch o := o.(type) {
		case *object.Commit:
			return h, nil
		case *object.Tag:
			h = o.Target
		default:
			return h, core.E(core.Invalid, "git", "this isn't a commit")
		}
	}
	return h, core.E(core.Invalid, "git", "this is a tag of a tag, too often")
}

// pull gets a commit with some of its history.
func (d *Dir) pull(ctx context.Context, s transport.UploadPackSession, adv *packp.AdvRefs, want plumbing.Hash) error {
	req := packp.NewUploadPackRequestFromCapabilities(adv.Capabilities)
	req.Wants = []plumbing.Hash{want}
	shallow, err := d.store.Shallow()
	if err != nil {
		return failed("the history can't be read", err)
	}
	if adv.Capabilities.Supports(capability.Shallow) {
		if err := req.Capabilities.Set(capability.Shallow); err != nil {
			return failed("the request can't be made", err)
		}
		req.Depth, req.Shallows = packp.DepthCommits(d.limits.Commits), shallow
	}
	if req.Haves, err = d.haves(); err != nil {
		return err
	}
	resp, err := s.UploadPack(ctx, req)
	if errors.Is(err, transport.ErrEmptyUploadPackRequest) {
		return nil
	}
	if err != nil {
		return lost(ctx, err)
	}
	defer resp.Close()
	if err := d.shallow(shallow, resp); err != nil {
		return err
	}
	return d.receive(ctx, demux(req.Capabilities, resp))
}

// haves are the commits that remote branches are at.
func (d *Dir) haves() (all []plumbing.Hash, err error) {
	refs, err := d.store.IterReferences()
	if err != nil {
		return nil, failed("the branches can't be read", err)
	}
	err = refs.ForEach(func(r *plumbing.Reference) error {
		if r.Name().IsRemote() && len(all) < 50 && !slices.Contains(all, r.Hash()) && d.store.HasEncodedObject(r.Hash()) == nil {
			all = append(all, r.Hash())
		}
		return nil
	})
	return all, failed("the branches can't be read", err)
}

// shallow keeps where history wasn't fetched.
func (d *Dir) shallow(had []plumbing.Hash, resp *packp.UploadPackResponse) error {
	for _, h := range resp.Shallows {
		if !slices.Contains(had, h) {
			had = append(had, h)
		}
	}
	had = slices.DeleteFunc(had, func(h plumbing.Hash) bool { return slices.Contains(resp.Unshallows, h) })
	return failed("the history can't be kept", d.store.SetShallow(had))
}

// demux returns the pack within an answer.
func demux(c *capability.List, r io.Reader) io.Reader {
	switch {
	case c.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, r)
	case c.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, r)
	}
	return r
}

// Push has the remote's branch be at a commit that this repository has. It never takes
// commits away: conflict if the branch is elsewhere by now. A branch that is there already
// is fine.
func (d *Dir) Push(ctx context.Context, r Remote, branch, commit string) (already bool, err error) {
	if err := CheckBranch(branch); err != nil {
		return false, err
	}
	t, ep, auth, err := r.transport(ctx)
	if err != nil {
		return false, err
	}
	s, err := t.NewReceivePackSession(ep, auth)
	if err != nil {
		return false, lost(ctx, err)
	}
	defer s.Close()
	adv, err := s.AdvertisedReferencesContext(ctx)
	if err != nil {
		return false, lost(ctx, err)
	}
	name := plumbing.NewBranchReferenceName(branch)
	old, now := adv.References[name.String()], plumbing.NewHash(commit)
	if old == now {
		return true, nil
	}
	if !old.IsZero() {
		if follows, err := d.Descends(commit, old.String()); err != nil || !follows {
			return false, errors.Join(err, core.E(core.Conflict, "git", "the remote's branch "+branch+" has commits that aren't here").
				WithHint("git_pull gets them, or push another branch; nothing is ever forced"))
		}
	}
	objects, err := d.missing(ctx, now, adv)
	if err != nil {
		return false, err
	}
	if err := d.send(ctx, s, adv, &packp.Command{Name: name, Old: old, New: now}, objects); err != nil {
		return false, err
	}
	ref := plumbing.NewHashReference(plumbing.NewRemoteReferenceName(remoteName, branch), now)
	return false, failed("the branch can't be kept", d.store.SetReference(ref))
}

func (d *Dir) send(ctx context.Context, s transport.ReceivePackSession, adv *packp.AdvRefs, c *packp.Command, objects []plumbing.Hash) error {
	f, err := os.CreateTemp(d.path, "outgoing-*")
	if err != nil {
		return failed("what goes can't be stored", err)
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	if _, err := packfile.NewEncoder(f, d.store, false).Encode(objects, 10); err != nil {
		return failed("what goes can't be packed", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return failed("what goes can't be read", err)
	}
	req := packp.NewReferenceUpdateRequestFromCapabilities(adv.Capabilities)
	req.Commands, req.Packfile = []*packp.Command{c}, io.NopCloser(f)
	report, err := s.ReceivePack(ctx, req)
	if report != nil {
		for _, status := range report.CommandStatuses {
			if e := status.Error(); e != nil {
				return core.E(core.Denied, "git", "the remote refuses the branch "+c.Name.Short()+": "+clean(status.Status)).
					WithHint("it may be protected, or have moved: push another branch")
			}
		}
	}
	if err != nil {
		return lost(ctx, err)
	}
	return nil
}

// missing returns the objects of a commit, and of its ancestors, that the remote doesn't have.
func (d *Dir) missing(ctx context.Context, from plumbing.Hash, adv *packp.AdvRefs) ([]plumbing.Hash, error) {
	shallow, err := d.store.Shallow()
	if err != nil {
		return nil, failed("the history can't be read", err)
	}
	theirs := map[plumbing.Hash]bool{}
	for _, h := range adv.References {
		theirs[h] = true
	}
	var commits []*object.Commit
	known := map[plumbing.Hash]bool{} // objects that the remote has
	seen := map[plumbing.Hash]bool{}
	for next := []plumbing.Hash{from}; len(next) > 0; {
		h := next[0]
		next = next[1:]
		if seen[h] {
			continue
		}
		seen[h] = true
		c, err := object.GetCommit(d.store, h)
		if err != nil {
			return nil, failed("the commit "+h.String(), err)
		}
		if theirs[h] || slices.Contains(shallow, h) {
			if err := d.objects(ctx, c.TreeHash, known); err != nil {
				return nil, err
			}
			continue
		}
		commits = append(commits, c)
		next = append(next, c.ParentHashes...)
	}
	var all []plumbing.Hash
	for _, c := range commits {
		all = append(all, c.Hash)
		of := map[plumbing.Hash]bool{}
		if err := d.objects(ctx, c.TreeHash, of); err != nil {
			return nil, err
		}
		for h := range of {
			if !known[h] {
				known[h] = true
				all = append(all, h)
			}
		}
	}
	return all, nil
}

// objects adds a tree's folders and files, but for those of submodules.
func (d *Dir) objects(ctx context.Context, tree plumbing.Hash, to map[plumbing.Hash]bool) error {
	if to[tree] {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	to[tree] = true
	if len(to) > d.limits.Objects {
		return tooLarge("has too many objects")
	}
	t, err := object.GetTree(d.store, tree)
	if err != nil {
		return failed("a folder of the commit", err)
	}
	for _, e := range t.Entries {
		switch {
		case e.Mode == filemode.Submodule:
		case e.Mode == filemode.Dir:
			if err := d.objects(ctx, e.Hash, to); err != nil {
				return err
			}
		default:
			to[e.Hash] = true
		}
	}
	return nil
}
