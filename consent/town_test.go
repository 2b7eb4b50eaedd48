package consent_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// town is a service with a day centre that has a licence, a manager and a worker,
// and a person.
type town struct {
	*consenttest.Stage
	service *consent.Service
	centre  *centre
	amina   *vaulttest.Person
}

// centre is a relay with who works there.
type centre struct {
	*consenttest.Relay
	relay  consent.Relay
	worker *consenttest.Staff
}

var (
	testNotice   = vault.Notice{Version: "2026-1", Language: "fr", Text: "Ce centre pourra voir ce que vous partagez."}
	aboutHousing = consent.Purpose{Code: consent.PurposeHousing, Text: "demande de logement"}
)

func newTown(t testing.TB, opts *vaulttest.Options) *town {
	t.Helper()
	var o consenttest.Options
	if opts != nil {
		o.Vault = *opts
	}
	if beginsAsAny(o.Vault) {
		return newCopiedTown(t, o)
	}
	tn := &town{Stage: consenttest.New(t, &o)}
	tn.service = tn.Service
	tn.centre = tn.newPlace(t, "Accueil de jour")
	tn.amina = tn.Person(t)
	return tn
}

func (tn *town) publish(t testing.TB, changes ...consent.Change) {
	t.Helper()
	require.NoError(t, tn.Publish(t.Context(), changes...))
}

func (tn *town) newPlace(t testing.TB, name string) *centre {
	t.Helper()
	p := &centre{Relay: tn.Relay(t, name)}
	p.relay = p.Relay.Relay
	p.worker = p.Hire(t, "Samir", consent.RoleHelp)
	tn.publish(t, consent.Change{Licence: licenceOf(&p.relay, "L-1", "2026-01-01", "2026-12-31")})
	return p
}

func postAt(t testing.TB, w *consenttest.Staff, r consent.Relay) *consent.Post {
	t.Helper()
	p, err := w.Worker.At(t.Context(), r.ID)
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
