package consent_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// theClaims are those of an attestation, to be signed by somebody who may not.
func (s *seen) theClaims(relay consent.RelayID) map[string]string {
	return map[string]string{
		"iss": relay.String(), "jti": base64.RawURLEncoding.EncodeToString(make([]byte, 16)), "relay": "Accueil de jour", "kind": "passport",
		"day": "2026-01-01", "sha256": base64.RawURLEncoding.EncodeToString(s.item.Document.Digest),
	}
}

// publishKey puts a key for attestations among those of a relay, signed by whoever is at a post.
func (s *seen) publishKey(t *testing.T, of consent.RelayID, number string, by *consent.Post, k seal.TokenKey) {
	t.Helper()
	body, err := seal.Marshal(struct {
		Point []byte `cbor:"1,keyasint"`
		Since int64  `cbor:"2,keyasint"`
	}{k.Public(), 1})
	require.NoError(t, err)
	signed, credential, err := by.Sign(seal.Context{Type: seal.TypeAttest, Vault: of, Object: []byte(number)}, body)
	require.NoError(t, err)
	record, err := seal.Marshal(struct {
		Signed     []byte `cbor:"1,keyasint"`
		Credential []byte `cbor:"2,keyasint"`
	}{signed, credential})
	require.NoError(t, err)
	set(t, s.town, "svc/seen/k/"+of.String()+"/"+number, record)
}

// Who can write into the store, or works at another relay, attests nothing in a relay's name.
func TestNobodyAttestsInTheNameOfARelayThatIsNotTheirs(t *testing.T) {
	t.Parallel()
	s := newSeen(t)
	mine := s.centre.relay.ID
	other := s.newPlace(t, "Autre centre")
	post := postAt(t, other.worker, other.relay)
	k := seal.NewTokenKey()
	const number = "AAAAAAAA"
	sign := func(kid string, claims map[string]string) string {
		token, err := k.SignToken(kid, "seen+jwt", claims)
		require.NoError(t, err)
		return token
	}
	refused := func(token string) {
		t.Helper()
		_, err := s.service.CheckAttestation(t.Context(), token)
		require.ErrorIs(t, err, consent.ErrNotAttested)
	}

	forged := sign(mine.String()+"."+number, s.theClaims(mine))
	refused(forged) // by a key that nobody published
	set(t, s.town, "svc/seen/k/"+mine.String()+"/"+number, []byte("no key"))
	refused(forged)
	s.publishKey(t, mine, number, post, k)
	refused(forged) // that a worker of another relay published
	keys, err := s.service.AttestKeySet(t.Context(), consent.RelayID{})
	require.NoError(t, err)
	require.NotContains(t, string(keys), number)
	s.publishKey(t, mine, number, s.centre.Hire(t, "Jeanne", consent.RoleManage).At(t, s.centre.Relay), k)
	refused(forged) // that somebody published who holds nobody's papers
	// The other relay's own key signs for the other relay, and for nobody else.
	s.publishKey(t, other.relay.ID, number, post, k)
	refused(sign(other.relay.ID.String()+"."+number, s.theClaims(mine)))
	refused(sign(mine.String()+"."+number, s.theClaims(other.relay.ID)))
	_, err = s.service.CheckAttestation(t.Context(), sign(other.relay.ID.String()+"."+number, s.theClaims(other.relay.ID)))
	require.NoError(t, err)

	for _, junk := range []string{"", "#", "a.b.c", strings.Repeat("a", 1<<20), s.a.Token + "x", "https://safe.example/seen#", strings.ToUpper(s.a.Token)} {
		refused(junk)
	}
	_, err = s.service.CheckAttestation(t.Context(), s.a.Token)
	require.NoError(t, err, "and the true one is as true as before")
}

// An attestation that is written to another paper is not shown there, and says by its
// digest that it is about another file.
func TestAnAttestationOfAnotherPaperIsNotShown(t *testing.T) {
	t.Parallel()
	s := newSeen(t)
	other := s.paper(t, "Passeport", vault.Shared)
	got, err := s.openAmina(t).Attest(t.Context(), other.ID, other.Revision, other.Document.Digest, s.a.Token, nil)
	require.NoError(t, err, "package vault keeps what it is given")
	_, err = s.service.AttestationOf(t.Context(), got)
	require.ErrorIs(t, err, vault.ErrNotFound)
	got, err = s.service.RevokeAttestation(t.Context(), s.amina.Vault, other.ID, got.Revision)
	require.NoError(t, err)
	require.NoError(t, s.shown(t), "what is taken away from there stays where it belongs")
	_, err = s.openAmina(t).Attest(t.Context(), other.ID, got.Revision, s.item.Document.Digest, s.a.Token, nil)
	require.ErrorIs(t, err, vault.ErrRevision, "nobody attests bytes that are not there")
}

func TestARelayThatIsNoneAnyMoreHasSaidWhatItSaid(t *testing.T) {
	t.Parallel()
	s := newSeen(t)
	gone := s.centre.relay
	gone.Withdrawn = "2026-03-02"
	s.publish(t, consent.Change{Relay: &gone})
	a, err := s.service.CheckAttestation(t.Context(), s.a.Token)
	require.NoError(t, err)
	require.True(t, a.Gone)
}

// A name of a key that the store could not even look up is none, and no fault of the store.
func TestAKeyNameThatIsNoneIsNotAttested(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	k := seal.NewTokenKey()
	for _, number := range []string{"AAAA\nAAAA", "AAAAAAAA\r"} {
		token, err := k.SignToken(tn.centre.relay.ID.String()+"."+number, "seen+jwt", map[string]string{"iss": "x"})
		require.NoError(t, err)
		_, err = tn.service.CheckAttestation(t.Context(), token)
		require.ErrorIs(t, err, consent.ErrNotAttested)
	}
}
