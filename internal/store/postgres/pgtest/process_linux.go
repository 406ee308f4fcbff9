package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// account returns the user that PostgreSQL runs as: Debian's postgres if this is root,
// for it refuses root; nil for this user itself.
func account() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
	}
	return nil, errors.New("there is no ordinary user to run PostgreSQL as")
}

// memory returns a folder in memory, if there is one with room, else "". Most of what a
// new database costs is files.
func memory() string {
	const dir, room = "/dev/shm", 4 << 30
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil || fs.Bavail*uint64(fs.Bsize) < room {
		return ""
	}
	return dir
}

// own gives the folder to PostgreSQL's user.
func own(dir string) error {
	cred, err := account()
	if err != nil || cred == nil {
		return err
	}
	return os.Chown(dir, int(cred.Uid), int(cred.Gid))
}

// unprivileged makes cmd run as PostgreSQL's user.
func unprivileged(cmd *exec.Cmd) {
	cred, _ := account() // own has told of an error
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred, Setpgid: true}
}

// launch starts cmd as PostgreSQL's user; it ends when this process does. done is closed
// when it has ended.
func launch(cmd *exec.Cmd) (*os.Process, chan struct{}, error) {
	unprivileged(cmd)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	started, done := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // the signal comes when the thread ends
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(done)
		}
	}()
	if err := <-started; err != nil {
		return nil, nil, err
	}
	return cmd.Process, done, nil
}

// Kill ends PostgreSQL as a crash does: SIGKILL to the postmaster and all its children.
func (c *Cluster) Kill() {
	children := childrenOf(c.post.Pid)
	_ = c.post.Kill()
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-c.done
	for _, pid := range children { // they hold the shared memory until they are gone
		for alive(pid) {
			time.Sleep(time.Millisecond)
		}
	}
}

// Restart starts PostgreSQL again after Kill, at the same place.
func (c *Cluster) Restart() error { return c.start() }

// Stop ends PostgreSQL and removes its folder.
func (c *Cluster) Stop() {
	_ = c.post.Signal(syscall.SIGQUIT)
	select {
	case <-c.done:
	case <-time.After(10 * time.Second):
		c.Kill()
	}
	_ = os.RemoveAll(c.dir)
}

func childrenOf(pid int) (pids []int) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, f := range strings.Fields(string(b)) {
		if n, err := strconv.Atoi(f); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}

// alive reports whether the process is there and isn't a zombie.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	rest := string(b)[strings.LastIndexByte(string(b), ')')+1:]
	return !strings.HasPrefix(strings.TrimSpace(rest), "Z")
}
