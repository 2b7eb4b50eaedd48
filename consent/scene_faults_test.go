package consent_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/quota"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// scene is a relay with who works there and whom it follows, as one process sees it.
// It is made once, and forked for each try: records and witness are copied.
type scene struct {
	*consenttest.Stage
	store   *storagetest.Faulty
	line    *line
	witness *broken

	relay                       *consenttest.Relay
	manager, second, samir, zoe *consenttest.Staff // second manages, too; Zoé works nowhere
	amina, bilal                *vaulttest.Person  // followed; of Bilal the note still waits
	grant                       vault.GrantID      // of Amina

	code, digits string            // what an act was given
	sheet        *consent.Sheet    // what an act gave: a new one
	account      *vaulttest.Person // and an account
	draft        vault.ItemID

	acted              *scene             // the process in which somebody acts at first
	first              *consenttest.Stage // to start other processes
	records, witnessed storage.Driver     // what they share
	own                *witness.Witness
}

var sceneStart = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

func newScene(t testing.TB) *scene {
	t.Helper()
	s := &scene{records: memstore.New(), witnessed: memstore.New()}
	s.watch(t)
	opts := s.under()
	opts.Vault.Start = sceneStart
	s.Stage = consenttest.New(t, opts)
	s.first = s.Stage
	s.relay = s.Relay(t, "Harbour")
	s.manager = s.relay.Manager
	s.Sign(t, consent.Change{Licence: licenceOf(&s.relay.Relay, "L-1", "2026-01-01", "2035-12-31")})
	s.second, s.samir = s.relay.Hire(t, "Second", both), s.relay.Hire(t, "Samir", consent.RoleHelp)
	s.zoe = s.Worker(t, "Zoé")
	s.amina, s.grant = followed(t, s.Stage, s.relay, "Amina")
	_, err := s.amina.Vault.AddNote(t.Context(), "Rent", vault.Note{Text: "paid in March"}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	mustPeople(t, s.samir.At(t, s.relay))
	s.bilal, _ = followed(t, s.Stage, s.relay, "Bilal")
	return s
}

// watch starts the witness over what it remembers.
func (s *scene) watch(t testing.TB) {
	t.Helper()
	own, err := witness.New(witness.Config{Store: storage.New(s.witnessed), Now: func() time.Time {
		if s.first == nil {
			return sceneStart
		}
		return s.first.Clock.Now()
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, own.Close()) })
	s.own = own
}

// under puts what can fail between a process and its parts.
func (s *scene) under() *consenttest.Options {
	s.witness = &broken{Checkpoints: s.own, Limiter: s.own}
	return &consenttest.Options{Vault: vaulttest.Options{
		Driver: func(storage.Driver) storage.Driver {
			s.line = &line{Driver: s.records}
			s.store = storagetest.NewFaulty(s.line)
			return s.store
		},
		Checkpoints: func(vault.Checkpoints) vault.Checkpoints { return s.witness },
		Limiter:     func(vault.Limiter) vault.Limiter { return s.witness },
	}}
}

// freeze ends the first process, so that everything is in the stores.
func (s *scene) freeze(t testing.TB) {
	t.Helper()
	require.NoError(t, s.Vaults.Close())
	require.NoError(t, s.own.Close())
}

// fork copies a frozen scene, in a process of its own.
func (s *scene) fork(t testing.TB) *scene {
	t.Helper()
	f := *s
	f.records, f.witnessed = copied(t, s.records), copied(t, s.witnessed)
	f.watch(t)
	return f.elsewhere(t)
}

func copied(t testing.TB, d storage.Driver) storage.Driver {
	t.Helper()
	out := memstore.New()
	for rec, err := range storage.New(d).All(t.Context(), "") {
		require.NoError(t, err)
		require.NoError(t, out.Commit(t.Context(), nil, []storage.Write{{Key: rec.Key, Value: rec.Value}}))
	}
	return out
}

// elsewhere is another process, in which everybody signs in anew.
func (s *scene) elsewhere(t testing.TB) *scene {
	t.Helper()
	o := *s
	o.Stage = s.first.Another(t, o.under())
	relay := *s.relay
	o.relay = &relay
	o.manager, o.second, o.samir, o.zoe = s.manager.SignIn(t, o.Stage), s.second.SignIn(t, o.Stage), s.samir.SignIn(t, o.Stage), s.zoe.SignIn(t, o.Stage)
	o.relay.Manager = o.manager
	o.people(t)
	return &o
}

// people has everybody sign in anew whose vault it is.
func (s *scene) people(t testing.TB) {
	t.Helper()
	s.amina, s.bilal, s.account = signedIn(t, s.Stage, s.amina), signedIn(t, s.Stage, s.bilal), signedIn(t, s.Stage, s.account)
}

func signedIn(t testing.TB, s *consenttest.Stage, who *vaulttest.Person) *vaulttest.Person {
	t.Helper()
	if who == nil {
		return nil
	}
	p := *who
	p.Vault = who.SignIn(t, s.Stage)
	return &p
}

// heal ends every fault, and says whether somebody was asked who had to fail.
func (s *scene) heal() (failed bool) {
	failed = s.store.Failed() || s.line.isCut() || s.witness.hasFailed()
	s.store.Heal()
	s.line.cutAfter(0)
	s.witness.failAt(0, 0, false)
	return failed
}

// look has everybody do what they can: workers at the relay, managers first, and the
// people whom it follows. Roster and grants agree.
func (s *scene) look(t testing.TB) view {
	t.Helper()
	v := view{can: map[string]string{}}
	for name, w := range map[string]*consenttest.Staff{"manager": s.manager} {
		v.can[name] = s.can(t, w)
	}
	require.Contains(t, v.can["manager"], "manage", "the relay can be managed")
	for name, w := range map[string]*consenttest.Staff{"second": s.second, "samir": s.samir, "zoe": s.zoe} {
		v.can[name] = s.can(t, w)
	}
	roster, names := map[vault.ID]bool{}, []string{}
	for _, p := range mustPeople(t, s.manager.At(t, s.relay)) {
		roster[p.Vault] = true
		names = append(names, p.Name)
	}
	v.people = strings.Join(names, " ")
	for _, who := range []*vaulttest.Person{s.amina, s.bilal} {
		all, err := s.Followers(t.Context(), who.Vault)
		require.NoError(t, err)
		follows := slices.ContainsFunc(all, func(f consent.Follower) bool { return f.InForce && !f.Visit })
		require.Equal(t, follows, roster[who.Vault.ID()], "grants and roster say the same")
		_, err = s.Receipts(t.Context(), who.Vault)
		require.NoError(t, err)
	}
	return v
}

// can says what a worker can do at the relay, by doing it.
func (s *scene) can(t testing.TB, w *consenttest.Staff) (out string) {
	t.Helper()
	p, err := w.Worker.At(t.Context(), s.relay.ID)
	if err != nil {
		refused := errors.Is(err, consent.ErrNotMember) || errors.Is(err, vault.ErrEnded) || errors.Is(err, consent.ErrKeyChanged)
		require.True(t, refused, "%s: %v", w.Name(), err)
		return ""
	}
	defer p.Close()
	people, err := p.People(t.Context())
	if !errors.Is(err, vault.ErrNotAllowed) {
		require.NoError(t, err, w.Name())
		out = "help "
	}
	for _, one := range people[:min(1, len(people))] {
		v, err := p.Open(t.Context(), one.Vault, aboutHousing)
		require.NoError(t, err, "%s opens %s", w.Name(), one.Name)
		_, err = v.List(t.Context(), nil)
		require.NoError(t, err)
		v.Close()
	}
	if _, err := p.Members(t.Context()); !errors.Is(err, consent.ErrNotManager) {
		require.NoError(t, err, w.Name())
		out += "manage"
	}
	return out
}

// requireBooks demands that the quota of everybody is what the store shows.
func (s *scene) requireBooks(t testing.TB) {
	t.Helper()
	for _, id := range []vault.ID{s.relay.ID, s.manager.ID(), s.samir.ID(), s.zoe.ID(), s.amina.Vault.ID(), s.bilal.Vault.ID()} {
		var sum int64
		for rec, err := range s.Store.All(t.Context(), id.String()+"/i/") {
			require.NoError(t, err)
			sum += int64(len(rec.Value))
		}
		var u quota.Usage
		require.NoError(t, s.Store.Transact(t.Context(), func(tx *storage.Tx) (err error) {
			u, err = s.Quota.Usage(tx, id.String())
			return err
		}))
		require.Equal(t, sum, u.Used)
	}
}

// requireNothingReadable looks for names, papers and codes in the whole store.
func (s *scene) requireNothingReadable(t testing.TB) {
	t.Helper()
	said := []string{"Amina", "Bilal", "Ibrahim", "Samir", "paid in March", "demande de logement", s.samir.Login, s.relay.Sheet.Code}
	if s.sheet != nil {
		said = append(said, s.sheet.Code)
	}
	for rec, err := range storage.New(s.records).All(t.Context(), "") {
		require.NoError(t, err)
		for _, word := range said {
			require.False(t, bytes.Contains(rec.Value, []byte(word)) || strings.Contains(rec.Key, word), "%q in %s", word, rec.Key)
		}
	}
}
