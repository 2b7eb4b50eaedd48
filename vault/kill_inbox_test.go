package vault_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/internal/testkill"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// childErrand tells a child process to run errands until it is killed.
const childErrand = "VAULT_TEST_ERRAND"

const workersPassword = "worker's own password"

// errand is what a child must know to act as the worker, and as the person.
type errand struct {
	Folder          string
	Start           time.Time
	Round           int
	Login, Password string // the person's
	Worker          string // login
	Relay, Person   string
	Member, Grant   string
	Pinned          []byte // the person's signing key, as the relay saw it first; nil: the witness's word
}

// atWork opens the town of an errand: the person's vault, and the same as the
// worker, who may add, has it open.
func (e *errand) atWork(ctx context.Context) (tn *town, worker *vault.Vault, err error) {
	if tn, err = e.town(ctx, nil); err != nil {
		return nil, nil, err
	}
	if worker, err = e.asWorker(ctx, tn); err != nil {
		return tn, nil, err
	}
	tn.v, err = tn.Unlock(ctx, vault.Password{Login: e.Login, Secret: e.Password})
	return tn, worker, err
}

// town opens the folder, with nobody signed in.
func (e *errand) town(ctx context.Context, driver func(storage.Driver) storage.Driver) (*town, error) {
	r := &register{gone: map[vault.ID]bool{}, members: map[string]vault.Signer{}}
	stage, err := vaulttest.Open(ctx, &vaulttest.Options{Folder: e.Folder, Start: e.Start, Driver: driver, Directory: func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return r, nil }})
	if err != nil {
		return nil, err
	}
	r.service = stage.Vaults
	return &town{scene: &scene{Stage: stage}, register: r}, nil
}

// asWorker signs the worker in and opens the person's vault at their relay.
func (e *errand) asWorker(ctx context.Context, tn *town) (worker *vault.Vault, err error) {
	if tn.worker, err = tn.Unlock(ctx, vault.Password{Login: e.Worker, Secret: workersPassword, Kind: seal.KindWorker}); err != nil {
		return nil, err
	}
	if tn.own, err = tn.worker.OwnKeys(ctx); err != nil {
		return nil, err
	}
	relay, _ := vault.ParseID(e.Relay)
	person, _ := vault.ParseID(e.Person)
	member, _ := vault.ParseGrantID(e.Member)
	grant, _ := vault.ParseGrantID(e.Grant)
	samir := vault.Actor{Kind: vault.ActorWorker, ID: tn.worker.ID().String(), RelayID: e.Relay}
	tn.register.members["credential of samir"] = vault.Signer{Actor: samir, Key: tn.own.Signer.Public(), Named: func(name string) bool { return name == "Samir" }}
	samir.Name = "Samir"
	g := vault.Guest{Actor: samir, Signer: tn.own.Signer, Credential: []byte("credential of samir"), Holder: tn.worker.ID(), Keys: tn.own.Inboxes}
	if tn.relay, err = tn.OpenGrant(ctx, relay, member, g); err != nil {
		return nil, err
	}
	keys, err := tn.relay.OwnKeys(ctx)
	if err != nil {
		return nil, err
	}
	g.Holder, g.Keys, g.Pinned = relay, keys.Inboxes, e.Pinned
	return tn.OpenGrant(ctx, person, grant, g)
}

// runErrands leaves things, makes papers private and takes all in, and says the name
// of each before and after.
func runErrands(e errand) error {
	ctx := context.Background()
	tn, worker, err := e.atWork(ctx)
	if err != nil {
		return err
	}
	failed := make(chan error)
	go func() { // the person, at the same time
		for {
			if _, err := tn.v.TakeIn(ctx); err != nil {
				failed <- err
				return
			}
		}
	}()
	go func() {
		for n := 0; ; n++ {
			name := fmt.Sprintf("%d-%d", e.Round, n)
			fmt.Println("begun " + name)
			if err := errandOf(ctx, worker, n, name); err != nil {
				failed <- fmt.Errorf("%s: %w", name, err)
				return
			}
			fmt.Println("done " + name)
		}
	}()
	return <-failed
}

func errandOf(ctx context.Context, worker *vault.Vault, n int, name string) error {
	switch n % 3 {
	case 0:
		_, err := worker.LeaveNote(ctx, name, vault.Note{Text: name}, vault.Place{})
		return err
	case 1:
		_, err := worker.LeaveDocument(ctx, vault.NewDocument{Name: name, MediaType: "image/png"}, bytes.NewReader(content(uint64(n), 3000)))
		return err
	}
	it, err := worker.AddDocument(ctx, vault.NewDocument{Name: name}, bytes.NewReader(content(uint64(n), 3000)))
	if err != nil {
		return err
	}
	return worker.MakePrivate(ctx, it.ID, it.Revision)
}

// The server is killed while things are left, made private and taken in. What was
// acknowledged is there, private and once; what was under way is there or not.
func TestWhatWasLeftSurvivesKill(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	tn := newTown(t, &vaulttest.Options{Folder: folder})
	e := errand{Folder: folder, Login: tn.person.Login, Password: tn.person.Password, Relay: tn.relay.ID().String(), Person: tn.v.ID().String(),
		Member: tn.member.String(), Grant: tn.follow(t, vault.ScopeAdd).String(), Start: tn.Clock.Now()}
	var err error
	e.Worker, err = tn.worker.Login(t.Context())
	require.NoError(t, err)
	require.NoError(t, tn.Close())
	acknowledged, begun := map[string]bool{}, map[string]bool{}
	for e.Round = range sized(3, 12) {
		e.Start = e.Start.Add(24 * time.Hour)
		e.untilKilled(t, acknowledged, begun)
		e.check(t, acknowledged, begun)
	}
	t.Logf("%d were acknowledged, of %d begun, and none is lost", len(acknowledged), len(begun))
}

func (e *errand) untilKilled(t *testing.T, acknowledged, begun map[string]bool) {
	t.Helper()
	enough := 4 + rand.IntN(30)
	testkill.Child(t, childErrand, e, func(line string) time.Duration { // also what it said before it died
		what, name, _ := strings.Cut(line, " ")
		begun[name] = true
		if what == "done" {
			acknowledged[name] = true
		}
		if enough--; enough == 0 {
			return rand.N(20 * time.Millisecond)
		}
		return testkill.Never
	})
}

func (e *errand) check(t *testing.T, acknowledged, begun map[string]bool) {
	t.Helper()
	e.Start = e.Start.Add(time.Hour)
	tn, _, err := e.atWork(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tn.Close()) }()
	all, err := tn.v.List(t.Context(), nil)
	require.NoError(t, err)
	there := map[string]bool{}
	for _, it := range all {
		if it.Kind == vault.KindFolder {
			continue
		}
		require.False(t, there[it.Name], "%s is there twice", it.Name)
		require.True(t, begun[it.Name], it.Name)
		require.True(t, it.Compartment == vault.Private || !acknowledged[it.Name], "%s was made private", it.Name)
		there[it.Name] = true
		if it.Document != nil {
			readIntact(t, tn.v, it)
		}
	}
	for name := range acknowledged {
		require.True(t, there[name], "%s was acknowledged", name)
	}
	require.Empty(t, waiting(t, tn.Store, tn.v.ID()))
	require.Empty(t, overview(t, tn.v).Notices)
	requireJournal(t, tn.v)
	settle(t, tn.Stage)
	e.Start = tn.Clock.Now()
	requireTidyBlobs(t, tn, blobFiles(t, tn.Stage, e.Folder))
}

// requireTidyBlobs demands that there are no other blobs than those that records name.
func requireTidyBlobs(t *testing.T, tn *town, known *knownBlobs) {
	t.Helper()
	require.Zero(t, usage(t, tn.Stage, tn.v.ID()).Reserved)
	require.Equal(t, requireBooks(t, tn.Stage, tn.v.ID()), known.there(t))
}
