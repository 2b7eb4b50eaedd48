package vault_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/local"
	"reconnect.example/vault/vaulttest"
)

const (
	// childFolder and childOrder tell a child process where to work, and as whom.
	childFolder = "VAULT_TEST_CHILD"
	childOrder  = "VAULT_TEST_CHILD_ORDER"
	killWorkers = 2
)

type order struct {
	Round           int
	Start           time.Time
	Login, Password string
}

// deed is what a worker of the child begins and, if it lives, ends.
type deed struct {
	Worker int
	End    bool
	What   string // "add", "replace", "move", "destroy", "password"
	Name   string // of a paper, or the new password
	Seed   uint64
	Size   int
}

// workUntilKilled does deeds and says each on standard output, once before it
// begins and once when it was acknowledged.
func workUntilKilled(folder string) error {
	var o order
	if err := json.Unmarshal([]byte(os.Getenv(childOrder)), &o); err != nil {
		return err
	}
	ctx := context.Background()
	stage, err := vaulttest.Open(ctx, &vaulttest.Options{Folder: folder, Start: o.Start})
	if err != nil {
		return err
	}
	v, err := stage.Unlock(ctx, vault.Password{Login: o.Login, Secret: o.Password})
	if err != nil {
		return err
	}
	said := make(chan deed)
	failed := make(chan error)
	for n := range killWorkers {
		w := &killWorker{v: v, number: n, order: o, say: said, papers: map[string]vault.Item{}}
		go func() { failed <- w.work(ctx) }()
	}
	out := json.NewEncoder(os.Stdout)
	for {
		select {
		case d := <-said:
			if err := out.Encode(d); err != nil {
				return err // the parent is gone
			}
		case err := <-failed:
			return err
		}
	}
}

// killWorker works on papers of its own; the first also changes the password.
type killWorker struct {
	v      *vault.Vault
	number int
	order  order
	say    chan<- deed
	papers map[string]vault.Item
}

func (w *killWorker) work(ctx context.Context) error {
	for n := 0; ; n++ {
		d := deed{Worker: w.number, What: "add", Name: fmt.Sprintf("r%d-w%d-%d", w.order.Round, w.number, n), Seed: rand.Uint64N(1 << 20), Size: rand.IntN(2 * segment)}
		if len(w.papers) > 2 {
			d.What = []string{"add", "replace", "move", "destroy", "destroy", "password"}[rand.IntN(6-w.number)]
		}
		switch d.What {
		case "replace", "move", "destroy":
			d.Name = slices.Sorted(maps.Keys(w.papers))[rand.IntN(len(w.papers))]
		case "password":
			d.Name = fmt.Sprintf("password %d %d", w.order.Round, n)
		}
		w.say <- d
		if err := w.do(ctx, d); err != nil {
			return fmt.Errorf("%v: %w", d, err)
		}
		d.End = true
		w.say <- d
	}
}

func (w *killWorker) do(ctx context.Context, d deed) (err error) {
	it := w.papers[d.Name]
	switch d.What {
	case "add":
		it, err = w.v.AddDocument(ctx, vault.NewDocument{Name: d.Name}, bytes.NewReader(content(d.Seed, d.Size)))
	case "replace":
		it, err = w.v.ReplaceDocument(ctx, it.ID, it.Revision, vault.NewDocument{}, bytes.NewReader(content(d.Seed, d.Size)))
	case "move":
		for {
			it, err = w.v.Move(ctx, it.ID, it.Revision, vault.Shared+vault.Private-it.Compartment)
			if vault.Code(err) != "busy-moving" {
				break
			}
			it = w.papers[d.Name]
		}
	case "destroy":
		delete(w.papers, d.Name)
		return w.v.Destroy(ctx, it.ID, it.Revision)
	case "password":
		err = w.v.ChangePassword(ctx, vault.ChangePassword{Old: w.order.Password, New: d.Name, KnownToOthers: d.Seed%2 == 0})
		w.order.Password = d.Name
		return err
	}
	w.papers[d.Name] = it
	return err
}

// kept is what was acknowledged of a paper.
type kept struct {
	side     vault.Compartment
	revision int
	digest   string
}

func (k kept) line(name string) string {
	return fmt.Sprintf("document %q %s r%d %s", name, k.side, k.revision, k.digest)
}

// apply does a deed to what is kept.
func (d deed) apply(all map[string]kept) {
	k := all[d.Name]
	k.revision++
	switch d.What {
	case "add":
		k.side, k.digest = vault.Private, digestOf(content(d.Seed, d.Size))
	case "replace":
		k.digest = digestOf(content(d.Seed, d.Size))
	case "move":
		k.side = vault.Shared + vault.Private - k.side
	case "destroy":
		delete(all, d.Name)
		return
	case "password":
		return
	}
	all[d.Name] = k
}

// record is what the parent knows.
type record struct {
	kept     map[string]kept
	password string
	begun    map[int]deed // by worker: what it was at when it was killed
}

func (r *record) hear(d deed) {
	if !d.End {
		r.begun[d.Worker] = d
		return
	}
	delete(r.begun, d.Worker)
	d.apply(r.kept)
	if d.What == "password" {
		r.password = d.Name
	}
}

func TestWhatWasAcknowledgedSurvivesKill(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	o := order{Start: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	stage, err := vaulttest.Open(t.Context(), &vaulttest.Options{Folder: folder, Start: o.Start})
	require.NoError(t, err)
	p := stage.Person(t)
	require.NoError(t, stage.Close())
	r := &record{kept: map[string]kept{}, password: p.Password}
	for o.Round = range sized(10/slower, 30) {
		o.Login, o.Password = p.Login, r.password
		r.untilKilled(t, folder, o)
		r.check(t, folder, o, p)
		o.Start = o.Start.Add(24 * time.Hour)
	}
}

// untilKilled lets a child work and kills it at whatever it is doing.
func (r *record) untilKilled(t *testing.T, folder string, o order) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	say, err := json.Marshal(o)
	require.NoError(t, err)
	child := exec.CommandContext(ctx, self)
	child.Env = append(os.Environ(), childFolder+"="+folder, childOrder+"="+string(say))
	var complaint strings.Builder
	child.Stderr = &complaint
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	r.begun = map[int]deed{}
	enough := 1 + rand.IntN(50)
	var late sync.WaitGroup
	lines := bufio.NewScanner(out)
	for n := 1; lines.Scan(); n++ { // also what it said before it died
		var d deed
		require.NoError(t, json.Unmarshal(lines.Bytes(), &d), "the child said %q", lines.Text())
		r.hear(d)
		if n == enough { // in the middle of something, not just before it
			late.Go(func() {
				<-time.After(time.Duration(rand.IntN(8000)) * time.Microsecond)
				_ = child.Process.Kill()
			})
		}
	}
	late.Wait()
	require.NoError(t, lines.Err())
	require.Error(t, child.Wait())
	require.Equal(t, -1, child.ProcessState.ExitCode(), "the child ended by itself: %s", complaint.String())
}

// check opens the folder again: everything that was acknowledged is there, and
// what was under way is done or not.
func (r *record) check(t *testing.T, folder string, o order, p *vaulttest.Person) {
	t.Helper()
	stage, err := vaulttest.Open(t.Context(), &vaulttest.Options{Folder: folder, Start: o.Start})
	require.NoError(t, err)
	defer func() { require.NoError(t, stage.Close()) }()
	p.Password = r.password
	_, err = stage.Unlock(t.Context(), p.Secret())
	if d := r.begun[0]; d.What == "password" { // exactly one opens
		next := *p
		next.Password = d.Name
		_, nextErr := stage.Unlock(t.Context(), next.Secret())
		require.NotEqual(t, err == nil, nextErr == nil, "%v, %v", err, nextErr)
		if err != nil {
			r.password, p.Password, err = d.Name, d.Name, nil
		}
	}
	require.NoError(t, err)
	seen := slices.DeleteFunc(requireSound(t, stage, p), func(line string) bool { return strings.HasPrefix(line, "folder") })

	possible := []map[string]kept{r.kept}
	for _, d := range r.begun {
		for _, one := range slices.Clone(possible) {
			done := maps.Clone(one)
			d.apply(done)
			possible = append(possible, done)
		}
	}
	found := slices.IndexFunc(possible, func(all map[string]kept) bool { return slices.Equal(lines(all), seen) })
	require.GreaterOrEqual(t, found, 0, "acknowledged: %q\nunder way: %v\nfound: %q", lines(r.kept), r.begun, seen)
	r.kept = possible[found]

	v := p.SignIn(t, stage)
	settle(t, stage)
	requireTidy(t, stage, blobFiles(t, stage, folder, v.ID()), v.ID())
}

func lines(all map[string]kept) []string {
	out := []string{}
	for name, k := range all {
		out = append(out, k.line(name))
	}
	slices.Sort(out)
	return out
}

// blobFiles lists the blobs that lie in a folder of documents, by their files.
func blobFiles(t *testing.T, stage *vaulttest.Stage, folder string, id vault.ID) *knownBlobs {
	t.Helper()
	known := newKnownBlobs(stage.Blobs)
	require.NoError(t, filepath.WalkDir(filepath.Join(folder, local.DocumentsName), func(path string, d fs.DirEntry, err error) error {
		if name := strings.ReplaceAll(d.Name(), "+", "/"); err == nil && !d.IsDir() && strings.HasPrefix(name, id.String()) {
			known.names[name] = true
		}
		return err
	}))
	return known
}
