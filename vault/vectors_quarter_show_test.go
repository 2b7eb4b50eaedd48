package vault_test

import (
	"context"
	"encoding/base32"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// showCard shows a vault as showVault does, by access card and PIN.
func showCard(t *testing.T, vector *testvectors.Vector) *shown {
	t.Helper()
	return showPerson(t, vector, func(s *vault.Vaults) (*vault.Vault, error) {
		return s.UnlockCard(t.Context(), vault.CardSignIn{Card: vector.Text("card"), PIN: vector.Text("pin")})
	})
}

// knownEvaluation are the records of a witness that has the key of a vector.
func knownEvaluation(t *testing.T, store *storage.Store, key []byte, generation uint64) {
	t.Helper()
	body, err := seal.Marshal(struct {
		Key []byte `cbor:"1,keyasint"`
	}{key})
	require.NoError(t, err)
	latest, err := seal.Marshal(struct {
		Generation uint64 `cbor:"1,keyasint"`
	}{generation})
	require.NoError(t, err)
	require.NoError(t, store.Transact(t.Context(), func(tx *storage.Tx) error {
		tx.Put(fmt.Sprintf("key/%016x", generation), append([]byte{1}, body...))
		tx.Put("key", append([]byte{1}, latest...))
		return nil
	}))
}

// said is what the person said and what was said of them: wishes, rules, …
func (s *shown) said(ctx context.Context, v *vault.Vault) bool {
	card, err := v.AccessCardState(ctx)
	if !s.note(err) {
		return false
	}
	if card != vault.CardNone {
		s.add("card", string(card))
	}
	code, err := v.FactorCode(ctx)
	if !s.note(err) {
		return false
	}
	if code != "" {
		s.add("second factor", code)
	}
	wish, err := v.Wish(ctx)
	if !s.note(err) {
		return false
	}
	if wish.Want != vault.WantNothing {
		s.add("wish", string(wish.Want), ms(wish.Since))
	}
	if d, err := v.DeathRecord(ctx); err == nil {
		s.add("death", d.By, d.Organisation, d.Evidence, ms(d.At), ms(d.Recorded), string(d.Wish), until(d.ErasedAt))
	}
	return s.rules(ctx, v) && s.missing(ctx, v)
}

func (s *shown) rules(ctx context.Context, v *vault.Vault) bool {
	rules, err := v.Rules(ctx)
	if !s.note(err) {
		return false
	}
	for kind, c := range rules.Kinds {
		s.add("rule", kind.String(), c.String())
	}
	for _, name := range slices.Sorted(maps.Keys(rules.Folders)) {
		s.add("rule of a folder", name, rules.Folders[name].String())
	}
	all, err := v.Representatives(ctx)
	if !s.note(err) {
		return false
	}
	for _, r := range all {
		s.add("representative", r.Name, r.Relation, r.RecordedBy, string(r.Until), ms(r.Recorded))
	}
	return true
}

func (s *shown) missing(ctx context.Context, v *vault.Vault) bool {
	all, err := v.MissingDeposits(ctx)
	if !s.note(err) {
		return false
	}
	for _, m := range all {
		s.add("missing deposit", strconv.FormatUint(m.Line, 10), m.Item.String(), m.Kind, who(m.By), ms(m.At))
	}
	return true
}

// manages shows what only a manager sees of a relay.
func (s *shown) manages(ctx context.Context, p *consent.Post) bool {
	team, err := p.Members(ctx)
	if !s.note(err) {
		return false
	}
	for _, m := range team.Members {
		s.add("member", m.Worker.String(), m.Name, itoa(uint64(m.Roles)), ms(m.Since), string(m.State))
	}
	asks, err := p.Requests(ctx)
	if !s.note(err) {
		return false
	}
	for _, a := range asks {
		s.add("asks", a.Worker.String(), a.Name, itoa(uint64(a.Roles)), ms(a.At), a.Fingerprint)
	}
	return true
}

// more shows what a vector about a worker asks for beside their relays.
func (s *shown) more(t *testing.T, service *consent.Service, vector *testvectors.Vector) bool {
	t.Helper()
	ctx := t.Context()
	if code := vector.Text("invitation"); code != "" {
		i, err := service.Invited(ctx, code)
		if !s.note(err) {
			return false
		}
		s.add("invitation", i.Relay.String(), itoa(uint64(i.Roles)), ms(i.Until))
	}
	if token := vector.Text("token"); token != "" {
		w, err := service.Resume(ctx, token)
		if !s.note(err) {
			return false
		}
		p, v, why, err := w.Opened(ctx)
		if !s.note(err) {
			return false
		}
		t.Cleanup(p.Close)
		s.add("has open", p.Relay().ID.String(), v.ID().String(), why.String())
	}
	return true
}

func showReceipt(t *testing.T, vector *testvectors.Vector) *shown {
	t.Helper()
	out := &shown{outcome: "success"}
	r, err := consent.ParseReceipt(vector.Bytes("receipt"))
	if out.note(err) {
		out.note(r.Verify(vector.Bytes("service")))
	}
	return out
}

// codeOf is what an authenticator app shows.
func codeOf(t testing.TB, secret string, now time.Time) string {
	t.Helper()
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(secret, " ", ""))
	require.NoError(t, err)
	return vault.Code6238(raw, now)
}

// firstEleven is the number of a login without the digit that checks the others.
func firstEleven(login string) (n uint64) {
	_, _ = fmt.Sscan(strings.ReplaceAll(login, " ", "")[:11], &n)
	return n
}

// turnedLetter is another letter of a card.
func turnedLetter(s string) string {
	if s == "7" {
		return "8"
	}
	return "7"
}

// blobNamedBy is the blob that a deposit names, "" if none.
func blobNamedBy(t testing.TB, value []byte) string {
	_, clear, err := seal.ParseClear(value)
	require.NoError(t, err)
	var c struct {
		Line       uint64 `cbor:"1,keyasint"`
		Generation uint64 `cbor:"2,keyasint"`
		Parts      []struct {
			Role     string `cbor:"1,keyasint"`
			Blob     string `cbor:"2,keyasint"`
			Length   int64  `cbor:"3,keyasint"`
			Digest   []byte `cbor:"4,keyasint"`
			Revision uint64 `cbor:"5,keyasint"`
		} `cbor:"3,keyasint,omitempty"`
		Takes int64 `cbor:"4,keyasint,omitempty"`
	}
	require.NoError(t, seal.Unmarshal(clear, &c))
	if len(c.Parts) == 0 {
		return ""
	}
	return c.Parts[0].Blob
}

// showCarried is of the vectors of wishes and deaths: whatever is wrong with one, it
// does not open.
func showCarried(t *testing.T, vector *testvectors.Vector) *shown {
	t.Helper()
	id := vault.ID(vector.Bytes("vault"))
	if vector.Text("kind") == "wish" {
		w, err := vault.ReadWish(id, vector.Bytes("key"), vector.Bytes("lookup"), vector.Bytes("envelope"))
		if err != nil {
			return &shown{outcome: "open"}
		}
		require.Equal(t, vector.Text("want"), string(w.Want))
		require.Equal(t, vector.Number("since"), uint64(w.Since))
		require.Equal(t, vector.Number("version"), w.Version)
		require.Equal(t, vector.Text("login"), w.Login)
		return &shown{outcome: "success"}
	}
	d, err := vault.ReadDeath(id, vector.Bytes("lookup"), vector.Bytes("envelope"))
	if err != nil {
		return &shown{outcome: "open"}
	}
	require.Equal(t, []string{vector.Text("by"), vector.Text("organisation"), vector.Text("evidence"), vector.Text("want")}, []string{d.By, d.Organisation, d.Evidence, string(d.Want)})
	require.Equal(t, vector.Bytes("wish"), d.Wish)
	require.Equal(t, vector.Number("erased-at"), uint64(d.ErasedAt))
	return &shown{outcome: "success"}
}
