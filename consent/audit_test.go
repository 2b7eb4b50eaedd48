package consent_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func TestWhoOnlyManagesOpensNobody(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t)
	require.Len(t, mustPeople(t, tn.post(t)), 1)
	zoe := tn.centre.Hire(t, "Zoé", consent.RoleManage)
	p := zoe.At(t, tn.centre.Relay)
	_, err := p.Members(t.Context())
	require.NoError(t, err)
	_, err = p.People(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	_, err = p.Open(t.Context(), tn.amina.Vault.ID(), aboutHousing)
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	require.ErrorIs(t, p.GiveUp(t.Context(), tn.amina.Vault.ID(), aboutHousing), vault.ErrNotAllowed)
	_, err = p.VisitCode(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	_, err = p.Visits(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	_, err = p.BeginAccount(t.Context(), "Boris")
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	_, err = p.Drafts(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	_, err = p.Counts(t.Context())
	require.NoError(t, err, "numbers are the manager's, too")
}

func mustPeople(t testing.TB, p *consent.Post) []consent.Person {
	t.Helper()
	all, err := p.People(t.Context())
	require.NoError(t, err)
	return all
}

func TestWhoClosesTheirAccountStopsNobodyElse(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t) // her note waits
	_, err := tn.amina.Vault.CloseAccount(t.Context(), tn.amina.Password)
	require.NoError(t, err)
	people := mustPeople(t, tn.post(t))
	require.Len(t, people, 1, "she may come back")
	_, err = tn.post(t).Open(t.Context(), tn.amina.Vault.ID(), aboutHousing)
	require.ErrorIs(t, err, vault.ErrClosing)
	_, err = tn.centre.Desk(t).RotateKey(t.Context())
	require.NoError(t, err)
	mustPeople(t, tn.post(t))
	require.NoError(t, tn.amina.Vault.Reopen(t.Context()))
	tn.open(t, tn.post(t)).Close()
}

// unheard is a witness that does not take what is reported of one vault, as if each
// report were still on its way.
type unheard struct {
	vault.Checkpoints
	id atomic.Pointer[vault.ID]
}

func (w *unheard) of(id [16]byte) bool { p := w.id.Load(); return p != nil && *p == id }

func (w *unheard) Raise(ctx context.Context, id [16]byte, heads []vault.Checkpoint, owner []byte, durable bool) ([]vault.Checkpoint, error) {
	if w.of(id) {
		return nil, errNoAnswer
	}
	return w.Checkpoints.Raise(ctx, id, heads, owner, durable)
}

func (w *unheard) Keep(ctx context.Context, id [16]byte, owner []byte, side []vault.Kept) error {
	if w.of(id) {
		return errNoAnswer
	}
	return w.Checkpoints.Keep(ctx, id, owner, side)
}

// The witness hears of a grant a moment after the store, or after the next sign-in.
func TestANoteWaitsUntilTheWitnessKnowsItsVault(t *testing.T) {
	t.Parallel()
	var w *unheard
	tn := newTown(t, &vaulttest.Options{Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { w = &unheard{Checkpoints: c}; return w }})
	id := tn.amina.Vault.ID()
	w.id.Store(&id)
	_, err := tn.service.Follow(t.Context(), tn.amina.Vault, tn.yes(), tn.secret())
	require.ErrorIs(t, err, vault.ErrUnconfirmed, "it is in force")
	all, err := tn.post(t).People(t.Context())
	require.NoError(t, err)
	require.Empty(t, all)
	_, err = tn.centre.Desk(t).RotateKey(t.Context())
	require.NoError(t, err)
	all, err = tn.post(t).People(t.Context()) // all of the relay's keys are other ones
	require.NoError(t, err)
	require.Empty(t, all)

	w.id.Store(nil)
	tn.amina.SignIn(t, tn.Stage.Stage)
	require.Len(t, mustPeople(t, tn.post(t)), 1)
	tn.open(t, tn.post(t)).Close()
}

// What a restore leaves behind the witness until its person signs in must not keep a
// whole relay from its work, and not be lost either.
func TestANoteOfAVaultThatWasSetBackStopsNobody(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	head := tn.amina.Vault.ID().String() + "/h/o"
	before := scan(t, tn, head)[head]
	tn.follow(t)
	after := scan(t, tn, head)[head]
	set(t, tn, head, before)
	require.Empty(t, mustPeople(t, tn.post(t)))
	_, err := tn.centre.Desk(t).RotateKey(t.Context())
	require.NoError(t, err)
	require.Empty(t, mustPeople(t, tn.post(t)))
	set(t, tn, head, after)
	tn.amina.SignIn(t, tn.Stage.Stage)
	require.Len(t, mustPeople(t, tn.post(t)), 1)
	tn.open(t, tn.post(t)).Close()
}

func TestAnotherNameIsKnownInEveryProcess(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	other := tn.Another(t, nil)
	_ = tn.centre.worker.SignIn(t, other) // the other process knows him as Samir
	require.NoError(t, tn.centre.worker.Introduce(t.Context(), "Samir B."))
	tn.centre.Join(t, tn.centre.worker, consent.RoleHelp)
	mustPeople(t, tn.post(t))
	there := tn.centre.worker.SignIn(t, other)
	mustPeople(t, there.At(t, tn.centre.Relay))
}

// Whoever the last manager leaves the relay to must be able to manage it: also where
// the service stopped between the membership of another and their key.
func TestWhoHasNoKeyToTheRelayDoesNotManageIt(t *testing.T) {
	t.Parallel()
	const both = consent.RoleHelp | consent.RoleManage
	d := &turning{}
	tn := newTown(t, &vaulttest.Options{Driver: func(under storage.Driver) storage.Driver { d.Driver = under; return d }})
	desk := tn.centre.Desk(t)
	i, err := desk.Invite(t.Context(), both, nil)
	require.NoError(t, err)
	zoe, err := tn.Enrolled(t.Context(), i.Code, "Zoé")
	require.NoError(t, err)
	_, err = zoe.Ask(t.Context(), i.Code)
	require.NoError(t, err)
	digits, err := zoe.Fingerprint(t.Context())
	require.NoError(t, err)
	yes := consent.Admission{Worker: zoe.ID(), Fingerprint: digits, Roles: both}
	d.last.Store(zoe.ID().String() + "/m/")
	require.Error(t, desk.Admit(t.Context(), yes))
	d.last.Store("")

	desk = tn.centre.Desk(t)
	team, err := desk.Members(t.Context())
	require.NoError(t, err)
	require.True(t, team.OneManager)
	require.ErrorIs(t, desk.Leave(t.Context()), consent.ErrLastManager)
	require.NoError(t, desk.Admit(t.Context(), yes))
	require.NoError(t, desk.Leave(t.Context()))
	_, err = zoe.At(t, tn.centre.Relay).Members(t.Context())
	require.NoError(t, err)
}

// A worker's space that is not what it was must not hide the others from a manager.
func TestASpaceThatWasSetBackHidesNoTeam(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	i, err := tn.centre.Desk(t).Invite(t.Context(), consent.RoleHelp, nil)
	require.NoError(t, err)
	zoe, err := tn.Enrolled(t.Context(), i.Code, "Zoé")
	require.NoError(t, err)
	_, err = zoe.Ask(t.Context(), i.Code)
	require.NoError(t, err)
	before := map[string][]byte{}
	for _, w := range []*consenttest.Staff{zoe, tn.centre.worker} {
		head := w.ID().String() + "/h/o"
		before[head] = scan(t, tn, head)[head]
		require.NoError(t, w.Own().ChangePassword(t.Context(), vault.ChangePassword{Old: w.Password, New: "another-password-of-hers"}))
	}
	for head, record := range before {
		set(t, tn, head, record)
	}
	tn.Clock.Advance(31 * time.Second) // the witness is asked again
	desk := tn.centre.Desk(t)
	team, err := desk.Members(t.Context())
	require.NoError(t, err)
	require.Len(t, team.Members, 2)
	asking, err := desk.Requests(t.Context())
	require.NoError(t, err)
	require.Empty(t, asking)
}

// What lies in the store to be swept tells nobody whose note it is.
func TestWhatIsToBeSweptDoesNotTellWhoLetsWhomIn(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	f := tn.yes()
	f.Until = tn.Clock.Now().Add(90 * 24 * time.Hour)
	_, err := tn.service.Follow(t.Context(), tn.amina.Vault, f, tn.secret())
	require.NoError(t, err)
	code, err := tn.post(t).VisitCode(t.Context())
	require.NoError(t, err)
	_, err = tn.service.Visit(t.Context(), tn.amina.Vault, consent.NewVisit{Code: code.String(), Lasts: 5 * time.Hour, Notice: testNotice, Agreed: true, Name: "Amina"}, tn.secret())
	require.NoError(t, err)
	all, err := tn.post(t).Visits(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	v, err := tn.post(t).OpenVisit(t.Context(), all[0].Grant, aboutHousing)
	require.NoError(t, err)
	v.Close()
	ends, sweeps := map[time.Time]bool{}, 0
	for key := range scan(t, tn, "due/") {
		d, err := storage.ParseDue(key)
		require.NoError(t, err)
		if strings.HasPrefix(d.What, "grant-") {
			ends[d.Hour] = true
		}
	}
	require.Len(t, ends, 2)
	for key := range scan(t, tn, "due/") {
		d, err := storage.ParseDue(key)
		require.NoError(t, err)
		if strings.HasPrefix(d.What, "note-") {
			sweeps++
			require.NotContains(t, ends, d.Hour, key)
		}
	}
	require.Equal(t, 3, sweeps, "two notes, and what a session has open")
}

// turning does something when a key is next read, and stops for good after a commit
// that writes another.
type turning struct {
	storage.Driver
	mu   sync.Mutex
	key  string
	then func()
	mine bool // only reads of who acts here: not those of a report that is under way

	last atomic.Value // of string
	over atomic.Bool
}

// acting marks the context of who acts.
type acting struct{}

func (d *turning) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	last, _ := d.last.Load().(string)
	if last != "" && d.over.Load() {
		return storage.ErrUnknown
	}
	if last != "" && slices.ContainsFunc(writes, func(w storage.Write) bool { return strings.HasPrefix(w.Key, last) }) {
		d.over.Store(true)
	}
	return d.Driver.Commit(ctx, checks, writes)
}

func (d *turning) Get(ctx context.Context, key string) (storage.Record, error) {
	d.mu.Lock()
	then := d.then
	if strings.HasPrefix(key, d.key) && (!d.mine || ctx.Value(acting{}) != nil) {
		d.then = nil
	} else {
		then = nil
	}
	d.mu.Unlock()
	if then != nil {
		then()
	}
	return d.Driver.Get(ctx, key)
}

// The relay's keys change while a worker takes in what people have said: the worker
// is refused from then on, and what is not taken in yet stays for who comes next.
func TestWhoIsNotThereAnyMoreDropsNoNotes(t *testing.T) {
	t.Parallel()
	d := &turning{}
	tn := newTown(t, &vaulttest.Options{Driver: func(under storage.Driver) storage.Driver { d.Driver = under; return d }})
	tn.follow(t)
	p := tn.post(t)
	d.mu.Lock()
	d.key, d.then = tn.amina.Vault.ID().String()+"/g/", func() {
		_, err := tn.centre.Desk(t).RotateKey(t.Context())
		require.NoError(t, err)
	}
	d.mu.Unlock()
	_, err := p.People(t.Context())
	require.ErrorIs(t, err, vault.ErrEnded)
	require.Len(t, mustPeople(t, tn.post(t)), 1)
	tn.open(t, tn.post(t)).Close()
}

func TestAnotherNameLosesNoNotes(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t)
	p := tn.post(t)
	require.NoError(t, tn.centre.worker.Introduce(t.Context(), "Somebody else"))
	require.Len(t, mustPeople(t, p), 1, "he is who the relay let in until it lets somebody else in")
}
