package vault_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
	"reconnect.example/vault/vaulttest"
)

// showWorker shows what somebody who works for relays comes to with their password:
// the relays, who is followed there, and what these people share.
func showWorker(t *testing.T, vector *testvectors.Vector) *shown {
	t.Helper()
	ctx, out, s := t.Context(), &shown{outcome: "success"}, openVector(t, vector)
	require.NoError(t, s.err)
	service, err := consent.New(consent.Config{Vaults: s.vaults, Store: s.store, Directory: s.directory, Register: s.register, Now: s.now, OneFactor: true})
	require.NoError(t, err)
	w, err := service.SignIn(ctx, vault.Password{Login: vector.Text("login"), Secret: vector.Text("password")})
	if !out.note(err) {
		return out
	}
	relays, err := w.Relays(ctx)
	if errors.Is(err, vault.ErrTampered) {
		err = spoilt(ctx, s, w, err) // the list names no relay that it hides: what is wrong with it, its door says
	}
	if !out.note(err) {
		return out
	}
	out.add("worker", w.ID().String(), w.Name())
	for _, m := range relays {
		if !out.post(t, s, w, m) {
			out.lines = nil
			return out
		}
	}
	if !out.more(t, service, vector) {
		out.lines = nil
		return out
	}
	slices.Sort(out.lines)
	return out
}

// spoilt is why a worker is not let in at a relay whose membership was altered.
func spoilt(ctx context.Context, s openedVector, w *consent.Worker, otherwise error) error {
	all, err := s.directory.Relays(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		if _, err := w.At(ctx, r.ID); err != nil && !errors.Is(err, consent.ErrNotMember) {
			return err
		}
	}
	return otherwise
}

// post shows one relay of a worker.
func (s *shown) post(t *testing.T, o openedVector, w *consent.Worker, m consent.Membership) bool {
	ctx := t.Context()
	p, err := w.At(ctx, m.Relay.ID)
	if !s.note(err) {
		return false
	}
	t.Cleanup(p.Close)
	s.add("relay", m.Relay.ID.String(), m.Relay.Name, itoa(uint64(m.Roles)))
	people, err := p.People(ctx)
	if !s.note(err) {
		return false
	}
	for _, one := range people {
		s.add("person", one.Vault.String(), one.Name, one.Grant.String(), itoa(uint64(one.Scope)), ms(one.Since), until(one.Until))
		v, err := o.vaults.OpenGrant(ctx, one.Vault, one.Grant, p.Guest("other"))
		if !s.note(err) || !s.items(ctx, v) {
			return false
		}
	}
	return !m.Roles.Has(consent.RoleManage) || s.manages(ctx, p)
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ms(t)
}

// madeTown is the stage of the vectors about relays, with what their forgeries need.
type madeTown struct {
	w           *vectorWriter
	s           *consenttest.Stage
	harbour     *consenttest.Relay
	samir       *consenttest.Staff
	amina       *vault.Vault
	login       string
	grant       vault.GrantID
	inbox       seal.BoxKey // of the relay
	note, paper vault.Item  // by the worker, by the person
	signer      seal.SigningKey
	credential  []byte
	space       *vault.Vault // of the relay, as its recovery sheet opens it
	records     map[string][]byte
	shows       map[string][]string // of the worker and of the person
}

// towns writes a town: one relay, somebody who works there, and a person whom it
// follows; and what can be wrong with it.
func (w *vectorWriter) towns() {
	folder := w.t.TempDir()
	m := &madeTown{w: w, s: consenttest.New(w.t, &consenttest.Options{Vault: vaulttest.Options{Folder: folder, Folders: []string{"Papiers"}}}), shows: map[string][]string{}}
	m.live()
	m.harvest()
	key, err := os.ReadFile(filepath.Join(folder, local.KeyFileName))
	require.NoError(w.t, err)
	authority := m.s.Directory.Authority()
	fields := []field{
		text("kind", "worker"), text("login", m.samir.Login), text("password", m.samir.Password), number("now", uint64(m.s.Clock.Now().UnixMilli())),
		hexed("key-file", key), hexed("authority", authority[:]),
	}
	for _, key := range slices.Sorted(maps.Keys(m.records)) {
		fields = append(fields, recordOf(key, m.records[key]))
	}
	for name := range blobNames(w.t, m.records, m.amina.ID().KeyOf("i/")) {
		fields = append(fields, field{Name: "blob", Line: name, Data: blobBytes(w.t, m.s.Stage, name)})
	}
	w.showing("town", "Somebody who works for a relay, by their password: what the people share whom it follows.", showWorker, fields...)
	m.shows["town"] = w.read("town").Lines("shows")
	person := []field{text("base", "town"), text("kind", "vault"), text("login", m.login), text("password", vectorPassword), text("gone", "shows")}
	w.put("town-person", "success", "The person: what a worker wrote in it is theirs.", person...)
	seen := showVault(w.t, w.read("town-person"))
	require.Equal(w.t, "success", seen.outcome)
	m.shows["town-person"] = seen.lines
	for _, line := range seen.lines {
		person = append(person, text("shows", line))
	}
	delete(w.written, "town-person")
	w.put("town-person", "success", "The person: what a worker wrote in it is theirs.", person...)
	m.broken()
}

// live is the life of the town until it is taken down.
func (m *madeTown) live() {
	t, ctx := m.w.t, m.w.t.Context()
	m.harbour = m.s.Relay(t, "Le Port")
	m.samir = m.harbour.Hire(t, "Samir سمير", consent.RoleHelp)
	v, err := m.s.Stage.Create(ctx, vaulttest.CreateRequest(vectorPassword))
	require.NoError(t, err)
	m.amina = v
	m.login, err = v.Login(ctx)
	require.NoError(t, err)
	m.paper = addTo(t, v, vault.NewDocument{Name: "شهادة ميلاد", Compartment: vault.Shared, MediaType: "image/png", Channel: "web"}, content(4, 900))
	addNote(t, v, "private", "nobody's but hers")
	_, err = m.s.Follow(ctx, v, consent.Follow{
		Relay: m.harbour.ID, Scope: vault.ScopeAdd, Notice: vault.Notice{Version: "1", Language: "fr", Text: "Ce que Le Port pourra voir."}, Agreed: true, Name: "أمينة", Channel: "relay",
	}, vault.Secret{Password: vectorPassword})
	require.NoError(t, err)
	all, err := v.Grants(ctx)
	require.NoError(t, err)
	m.grant = all[0].ID

	write := func(name string) {
		p := m.samir.At(t, m.harbour)
		_, err := p.People(ctx)
		require.NoError(t, err)
		g, err := m.s.OpenGrant(ctx, v.ID(), m.grant, p.Guest("housing"))
		require.NoError(t, err)
		m.note, err = g.AddNote(ctx, name, vault.Note{Text: "rendez-vous pris"}, vault.Place{Channel: "relay"})
		require.NoError(t, err)
		renamed := m.paper.Name + " (copie)"
		m.paper, err = g.Edit(ctx, m.paper.ID, m.paper.Revision, vault.Edit{Name: &renamed})
		require.NoError(t, err)
		guest := p.Guest("")
		m.signer, m.credential, m.inbox = guest.Signer, guest.Credential, guest.Keys[0]
	}
	write("CAF")
	// The relay takes new keys: what was signed and given before is still good.
	m.harbour.Sheet, err = m.harbour.Desk(t).RotateKey(ctx)
	require.NoError(t, err)
	m.s.Clock.Advance(10 * time.Minute)
	write("Mairie")
	sheet := m.harbour.Sheet
	m.space, err = m.s.Unlock(ctx, vault.Password{Login: sheet.Login, Secret: sheet.Code, Kind: seal.KindRelay})
	require.NoError(t, err)
	floor := seal.KDF{Algorithm: seal.Argon2id, Time: 3, MemoryKiB: 64 << 10, Threads: 1, Salt: []byte("salt of 16 bytes")}
	require.NoError(t, m.amina.PutSlot(ctx, m.login, vectorPassword, floor))
	require.NoError(t, m.samir.Own().PutSlot(ctx, m.samir.Login, m.samir.Password, floor))
	require.NoError(t, m.s.Vaults.Close())
}

// harvest takes the records that a worker and a person need.
func (m *madeTown) harvest() {
	wanted := []string{"svc/keys", "login/", m.s.Directory.ID().String() + "/"}
	for _, part := range []string{"h/", "g/", "x/s/", "i/"} {
		wanted = append(wanted, m.harbour.ID.KeyOf(part))
	}
	for _, id := range []vault.ID{m.samir.ID(), m.amina.ID()} {
		for _, part := range []string{"h/", "k/", "s/", "x/", "o/", "i/", "g/", "m/", "q", "seen"} {
			wanted = append(wanted, id.KeyOf(part))
		}
	}
	wanted = append(wanted, m.amina.ID().KeyOf("j/"))
	m.records = map[string][]byte{}
	for r, err := range m.s.Store.All(m.w.t.Context(), "") {
		require.NoError(m.w.t, err)
		if slices.ContainsFunc(wanted, func(prefix string) bool { return strings.HasPrefix(r.Key, prefix) }) {
			m.records[r.Key] = r.Value
		}
	}
}
