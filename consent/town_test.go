package consent_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// town is a service with an authority, one organisation, a day centre with its
// manager and a worker, and a person.
type town struct {
	*vaulttest.Stage
	service   *consent.Service
	directory *consent.Directory
	register  *consent.Register
	authority *consent.Authority
	state     *consent.DirectoryState
	org       *consent.Organisation
	centre    *centre
	amina     *vaulttest.Person
}

// centre is a relay with who works there.
type centre struct {
	relay   consent.Relay
	manager *consent.Worker
	worker  *consent.Worker
	login   string // of the worker
}

var (
	testNotice   = vault.Notice{Version: "2026-1", Language: "fr", Text: "Ce centre pourra voir ce que vous partagez."}
	aboutHousing = consent.Purpose{Code: consent.PurposeHousing, Text: "demande de logement"}
)

const workerPassword = "a worker's own password"

func newTown(t testing.TB, opts *vaulttest.Options) *town {
	t.Helper()
	tn := &town{authority: consent.NewAuthority(), org: organisation("Association Toit")}
	var o vaulttest.Options
	if opts != nil {
		o = *opts
	}
	var stage *vaulttest.Stage
	o.Directory = tn.parts(t, &stage)
	stage = vaulttest.New(t, &o)
	tn.Stage = stage
	tn.service = tn.newService(t, stage)
	var err error
	tn.state, err = tn.authority.Begin()
	require.NoError(t, err)
	tn.publish(t, consent.Change{Organisation: tn.org})
	tn.centre = tn.newPlace(t, "Accueil de jour")
	tn.amina = tn.Person(t)
	return tn
}

// parts makes directory and register over the parts of a stage that is not there yet.
func (tn *town) parts(t testing.TB, stage **vaulttest.Stage) func(*storage.Store, vault.Checkpoints) (vault.Directory, error) {
	now := func() time.Time { return (*stage).Clock.Now() }
	return func(store *storage.Store, checkpoints vault.Checkpoints) (vault.Directory, error) {
		directory, err := consent.OpenDirectory(t.Context(), consent.DirectoryConfig{Store: store, Checkpoints: checkpoints, Authority: tn.authority.Public(), Now: now})
		if err != nil {
			return nil, err
		}
		register, err := consent.NewRegister(consent.RegisterConfig{Directory: directory, Store: store, Checkpoints: checkpoints, Now: now})
		tn.directory, tn.register = directory, register
		return register, err
	}
}

func (tn *town) newService(t testing.TB, stage *vaulttest.Stage) *consent.Service {
	t.Helper()
	s, err := consent.New(consent.Config{Vaults: stage.Vaults, Store: stage.Store, Directory: tn.directory, Register: tn.register, Now: stage.Clock.Now})
	require.NoError(t, err)
	return s
}

// another is the service in another process over the same data.
func (tn *town) another(t testing.TB, opts *vaulttest.Options) (*vaulttest.Stage, *consent.Service) {
	t.Helper()
	var o vaulttest.Options
	if opts != nil {
		o = *opts
	}
	other := &town{authority: tn.authority}
	stage := tn.Stage
	o.Directory = other.parts(t, &stage)
	second := tn.Another(t, &o)
	return second, other.newService(t, second)
}

func (tn *town) publish(t testing.TB, changes ...consent.Change) {
	t.Helper()
	var err error
	tn.state, err = tn.authority.Sign(tn.state, changes...)
	require.NoError(t, err)
	bundle, err := tn.state.Bundle()
	require.NoError(t, err)
	_, err = tn.directory.Publish(t.Context(), bundle)
	require.NoError(t, err)
}

func (tn *town) newWorker(t testing.TB, s *consent.Service, code, name string) *consent.Worker {
	t.Helper()
	w, err := s.Enrol(t.Context(), code, consent.NewWorker{Name: name, Password: workerPassword, Notice: testNotice, Consent: true, Session: &vault.SessionRequest{Device: "desk"}})
	require.NoError(t, err)
	return w
}

func (tn *town) newPlace(t testing.TB, name string) *centre {
	t.Helper()
	invitation, err := tn.service.InviteManager(t.Context())
	require.NoError(t, err)
	p := &centre{manager: tn.newWorker(t, tn.service, invitation.Code, "Mona")}
	founded, err := p.manager.FoundRelay(t.Context(), invitation.Code)
	require.NoError(t, err)
	relay := relayOf(tn.org, name)
	relay.ID, relay.Key = founded.Relay, founded.Key
	tn.publish(t, consent.Change{Relay: relay}, consent.Change{Licence: licenceOf(relay, "L-1", "2026-01-01", "2026-12-31")})
	p.relay = *relay
	p.worker = tn.join(t, p, "Samir")
	p.login, err = p.worker.Own().Login(t.Context())
	require.NoError(t, err)
	return p
}

func (tn *town) join(t testing.TB, p *centre, name string) *consent.Worker {
	t.Helper()
	post := postAt(t, p.manager, p.relay)
	invitation, err := post.Invite(t.Context(), consent.RoleHelp)
	require.NoError(t, err)
	w := tn.newWorker(t, tn.service, invitation.Code, name)
	_, err = w.Ask(t.Context(), invitation.Code)
	require.NoError(t, err)
	digits, err := w.Fingerprint(t.Context())
	require.NoError(t, err)
	require.NoError(t, post.Admit(t.Context(), consent.Admission{Worker: w.ID(), Fingerprint: digits, Roles: consent.RoleHelp}))
	return w
}

// signIn opens the worker's own space once more, when their session is over.
func (tn *town) signIn(t testing.TB, s *consent.Service, c *centre) *consent.Worker {
	t.Helper()
	w, err := s.SignIn(t.Context(), vault.Password{Login: c.login, Secret: workerPassword, Session: &vault.SessionRequest{Device: "desk"}})
	require.NoError(t, err)
	return w
}

func postAt(t testing.TB, w *consent.Worker, r consent.Relay) *consent.Post {
	t.Helper()
	p, err := w.At(t.Context(), r.ID)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func (tn *town) post(t testing.TB) *consent.Post { return postAt(t, tn.centre.worker, tn.centre.relay) }

func (tn *town) secret() vault.Secret { return vault.Secret{Password: tn.amina.Password} }

func (tn *town) yes() consent.Follow {
	return consent.Follow{Relay: tn.centre.relay.ID, Scope: vault.ScopeAdd, Notice: testNotice, Agreed: true, Name: "Amina K.", Channel: "relay"}
}

func (tn *town) follow(t testing.TB) consent.Receipt {
	t.Helper()
	r, err := tn.service.Follow(t.Context(), tn.amina.Vault, tn.yes(), tn.secret())
	require.NoError(t, err)
	return r
}

// grant is the last that was given.
func (tn *town) grant(t testing.TB) vault.Grant {
	t.Helper()
	all, err := tn.amina.Vault.Grants(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all[len(all)-1]
}

func (tn *town) paper(t testing.TB, name string, c vault.Compartment) vault.Item {
	t.Helper()
	it, err := tn.amina.Vault.AddDocument(t.Context(), vault.NewDocument{Name: name, Compartment: c}, strings.NewReader("this is "+name))
	require.NoError(t, err)
	return it
}

func contents(t testing.TB, v *vault.Vault, id vault.ItemID) string {
	t.Helper()
	c, err := v.ReadDocument(t.Context(), id)
	require.NoError(t, err)
	defer c.Close()
	b, err := io.ReadAll(c)
	require.NoError(t, err)
	return string(b)
}

func titles(t testing.TB, v *vault.Vault) (out []string) {
	t.Helper()
	all, err := v.List(t.Context(), &vault.ListOptions{Kind: vault.KindDocument})
	require.NoError(t, err)
	for _, it := range all {
		out = append(out, it.Name)
	}
	return out
}

func scan(t testing.TB, tn *town, prefix string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for rec, err := range tn.Store.All(t.Context(), prefix) {
		require.NoError(t, err)
		out[rec.Key] = rec.Value
	}
	return out
}

func set(t testing.TB, tn *town, key string, value []byte) {
	t.Helper()
	require.NoError(t, tn.Store.Transact(t.Context(), func(tx *storage.Tx) error {
		tx.Put(key, value)
		return nil
	}))
}

func deleteAll(t testing.TB, tn *town, prefix string) {
	t.Helper()
	for key := range scan(t, tn, prefix) {
		require.NoError(t, tn.Store.Transact(t.Context(), func(tx *storage.Tx) error {
			tx.Delete(key)
			return nil
		}))
	}
}
