package httpapi_test

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestMembers: people are invited, given roles, held to projects and removed; nobody gives
// what he hasn't, and an org keeps its last owner.
func TestMembers(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	shop := must(w.olga.CreateProject(ctx, "Shop", ""))(t)
	ann := w.person(w.olga, "ann", client.Place{Role: core.Admin})
	bob := w.person(ann, "bob", client.Place{Role: core.Member, Projects: []core.ProjectID{shop.ID}})
	bobID, olgaID := w.me(bob).User, w.me(w.olga).User

	if me := w.me(bob); me.Role != core.Member || len(me.Projects) != 1 || me.Project != shop.ID {
		t.Errorf("%+v", me)
	}
	_, err := ann.Invite(ctx, client.NewInvitation{Email: "c@example.org", Place: client.Place{Role: core.Owner}}, "")
	refused(t, "an admin invites an owner", err, core.Denied)
	_, err = bob.Invite(ctx, client.NewInvitation{Email: "c@example.org", Place: client.Place{Role: core.Viewer}}, "")
	refused(t, "a member invites", err, core.Denied)
	refused(t, "an admin demotes an owner", ann.SetRole(ctx, olgaID, client.Place{Role: core.Viewer}), core.Denied)
	refused(t, "the last owner leaves", w.olga.LeaveOrg(ctx), core.Conflict)
	if err := ann.SetRole(ctx, bobID, client.Place{Role: core.Viewer}); err != nil {
		t.Fatal(err)
	}
	if me := w.me(bob); me.Role != core.Viewer || len(me.Projects) != 0 {
		t.Errorf("%+v", me)
	}
	var all []client.Member
	for cursor := ""; ; {
		page := must(ann.Members(ctx, client.PageOptions{Cursor: cursor, Limit: 2}))(t)
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(all) != 3 {
		t.Errorf("%d members: %+v", len(all), all)
	}
	if err := ann.RemoveMember(ctx, bobID); err != nil {
		t.Fatal(err)
	}
	_, err = bob.Me(ctx)
	refused(t, "who was removed", err, core.Unauthenticated)
	refused(t, "removing nobody", ann.RemoveMember(ctx, bobID), core.NotFound)
	bobAgain := client.NewMember{User: bobID, Place: client.Place{Role: core.Member}}
	refused(t, "a place that nobody was asked about", ann.AddMember(ctx, "", bobAgain, ""), core.Denied)
	for range 2 {
		if err := w.local.AddMember(ctx, core.DefaultOrg, bobAgain, "k"); err != nil {
			t.Fatal(err)
		}
	}
	if log := w.audited(core.DefaultOrg); !strings.Contains(log, "member.add member.remove member.role") {
		t.Errorf("the audit log has %s", log)
	}
}

// TestOrgs: an operator makes them, their owners enter them, and nobody else knows of them.
func TestOrgs(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	other, paul := w.otherOrg("paul")
	_, err := w.olga.OpenOrg(ctx, "Mine", "")
	refused(t, "an org of one's own, where nobody may", err, core.Denied)
	_, err = w.olga.CreateOrg(ctx, client.NewOrg{Name: "X", Invite: "x@example.org"}, "")
	refused(t, "an org by who is signed in to another", err, core.Denied)
	refused(t, "entering an org of others", w.olga.EnterOrg(ctx, other), core.NotFound)

	link := must(paul.Invite(ctx, client.NewInvitation{Email: "olga@example.org", Place: client.Place{Role: core.Viewer}}, ""))(t)
	about := must(w.anon().Invitation(ctx, link.Token))(t)
	if about.Org != other || about.Email != "olga@example.org" || about.OrgName != "Other" {
		t.Errorf("%+v", about)
	}
	_, err = paul.Join(ctx, link.Token)
	refused(t, "joining as somebody else", err, core.Denied)
	if o := must(w.olga.Join(ctx, link.Token))(t); o.ID != other || o.Role != core.Viewer {
		t.Errorf("%+v", o)
	}
	if all := must(w.olga.Orgs(ctx))(t); len(all) != 3 { // the first, the installation's, the other
		t.Errorf("%+v", all)
	}
	in := must(w.anon().SignIn(ctx, client.Login{Email: "olga@example.org", Password: password, Org: core.Installation}))(t)
	if !in.Operates {
		t.Errorf("%+v", in)
	}
	operator := w.as(in.Access)
	if page := must(operator.AllOrgs(ctx, client.PageOptions{}))(t); len(page.Items) != 3 {
		t.Errorf("%+v", page)
	}
	if page := must(operator.Users(ctx, client.PageOptions{Limit: 1}))(t); len(page.Items) != 1 || page.Next == "" {
		t.Errorf("%+v", page)
	}
	_, err = operator.Tasks(ctx, client.ListOptions{})
	refused(t, "an operator's tasks", err, core.Denied)
	if o := must(paul.RenameOrg(ctx, "Paul's"))(t); o.Name != "Paul's" {
		t.Errorf("%+v", o)
	}
}

// TestProjects: they are the org's own, and an archived one is nobody's.
func TestProjects(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	shop := must(w.olga.CreateProject(ctx, "Shop", "k"))(t)
	if again := must(w.olga.CreateProject(ctx, "Shop", "k"))(t); again.ID != shop.ID {
		t.Errorf("a repeat makes another: %+v", again)
	}
	if p := must(w.olga.RenameProject(ctx, shop.ID, "Web shop"))(t); p.Name != "Web shop" {
		t.Errorf("%+v", p)
	}
	bearer := "Bearer " + must(w.anon().SignIn(ctx, client.Login{Email: "olga@example.org", Password: password}))(t).Access
	if a := w.do("GET", "/v1/tasks", "", "Authorization", bearer, "Isekai-Project", string(shop.ID)); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if p := must(w.olga.ArchiveProject(ctx, shop.ID))(t); !p.Archived {
		t.Errorf("%+v", p)
	}
	if a := w.do("GET", "/v1/tasks", "", "Authorization", bearer, "Isekai-Project", string(shop.ID)); a.status != 404 {
		t.Errorf("an archived project: %d", a.status)
	}
	must(w.olga.RestoreProject(ctx, shop.ID))(t)
	_, err := w.olga.ArchiveProject(ctx, core.DefaultProject)
	refused(t, "archiving the default project", err, core.Invalid)
	_, paul := w.otherOrg("paul")
	for what, err := range map[string]error{
		"show": second(paul.Project(ctx, shop.ID)), "rename": second(paul.RenameProject(ctx, shop.ID, "x")),
		"archive": second(paul.ArchiveProject(ctx, shop.ID)), "restore": second(paul.RestoreProject(ctx, shop.ID)),
	} {
		refused(t, what+" of another org's project", err, core.NotFound)
	}
	if page := must(w.olga.Projects(ctx, client.PageOptions{}))(t); len(page.Items) != 2 {
		t.Errorf("%+v", page)
	}
}

func second[T any](_ T, err error) error { return err }

// TestWhoIsHeldToAnArchivedProject can do nothing in the org, and everything about himself.
func TestWhoIsHeldToAnArchivedProject(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	project := must(w.olga.CreateProject(ctx, "one", ""))(t)
	erin := w.person(w.olga, "erin", client.Place{Role: core.Member, Projects: []core.ProjectID{project.ID}})
	must(w.olga.ArchiveProject(ctx, project.ID))(t)
	refused(t, "its tasks", second(erin.Tasks(ctx, client.ListOptions{})), core.NotFound)
	if me := w.me(erin); me.Project != project.ID {
		t.Errorf("%+v", me)
	}
	if all := must(erin.Sessions(ctx))(t); len(all) == 0 {
		t.Error("no sessions")
	}
	for what, err := range map[string]error{
		"orgs": second(erin.Orgs(ctx)), "password": erin.ChangePassword(ctx, password, "another good password"),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := erin.SignOut(ctx); err != nil {
		t.Error(err)
	}
}

// TestMembersToldOfEachOther: who has a password is an operator's to know, and who has a
// second factor an admin's.
func TestMembersToldOfEachOther(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	bob := w.person(w.olga, "bob", client.Place{Role: core.Member})
	mine := w.me(bob).User
	for _, m := range must(bob.Members(t.Context(), client.PageOptions{}))(t).Items {
		if m.User.HasPassword != (m.User.ID == mine) {
			t.Errorf("%+v", m)
		}
	}
	for _, u := range must(w.local.Users(t.Context(), client.PageOptions{}))(t).Items {
		if !u.HasPassword {
			t.Errorf("%+v", u)
		}
	}
}
