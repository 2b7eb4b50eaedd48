package consent_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

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

// A worker who leaves may have kept the relay's key for attestations. It signs nothing for a
// day after they left, nor for one before it was made.
func TestAKeptKeyAttestsNothingOfAnotherTime(t *testing.T) {
	t.Parallel()
	s := newSeen(t)
	paul := s.centre.Hire(t, "Paul", consent.RoleHelp)
	id, kept, err := consent.AttestKeyOf(t.Context(), paul.At(t, s.centre.Relay))
	require.NoError(t, err)
	check := func(day string) error {
		t.Helper()
		claims := s.theClaims(s.centre.relay.ID)
		claims["day"] = day
		token, err := kept.SignToken(id, "seen+jwt", claims)
		require.NoError(t, err)
		_, err = s.service.CheckAttestation(t.Context(), token)
		return err
	}
	made := s.Clock.Now()
	day := func(after int) string { return made.AddDate(0, 0, after).Format(time.DateOnly) }
	require.NoError(t, check(day(0)))
	require.ErrorIs(t, check(day(-1)), consent.ErrNotAttested, "there was no such key")
	require.NoError(t, check(day(9)), "as long as nothing ended it")

	later := func(days int) {
		s.Clock.Advance(time.Duration(days) * 24 * time.Hour)
		s.centre.Manager, s.centre.worker = s.centre.Manager.SignIn(t, s.Stage), s.centre.worker.SignIn(t, s.Stage)
	}
	later(3)
	_, err = s.centre.Desk(t).Remove(t.Context(), paul.ID())
	require.NoError(t, err)
	require.NoError(t, check(day(3)))
	require.ErrorIs(t, check(day(4)), consent.ErrNotAttested)
	later(1)
	now, err := s.post(t).Attest(t.Context(), s.openAmina(t), held(s.item))
	require.NoError(t, err)
	require.ErrorIs(t, check(day(4)), consent.ErrNotAttested, "the end stays where it was")
	require.NoError(t, check(day(3)))
	_, err = s.service.CheckAttestation(t.Context(), s.a.Token)
	require.NoError(t, err, "what was signed before stays")

	raw, err := s.service.AttestKeySet(t.Context(), s.centre.relay.ID)
	require.NoError(t, err)
	var published struct {
		Keys []struct{ Kid, Since, Until string }
	}
	require.NoError(t, json.Unmarshal(raw, &published))
	require.Len(t, published.Keys, 2)
	for _, k := range published.Keys {
		if k.Kid == id {
			require.Equal(t, []string{day(0), day(3)}, []string{k.Since, k.Until})
		} else {
			require.Equal(t, []string{day(4), ""}, []string{k.Since, k.Until})
		}
	}

	// Nobody else ends a key: neither the store nor a worker of another relay.
	other := s.newPlace(t, "Autre centre")
	var number string
	for _, k := range published.Keys {
		if k.Until == "" {
			_, number, _ = strings.Cut(k.Kid, ".")
		}
	}
	body, err := seal.Marshal(struct {
		Until int64 `cbor:"1,keyasint"`
	}{1})
	require.NoError(t, err)
	signed, credential, err := postAt(t, other.worker, other.relay).Sign(seal.Context{Type: seal.TypeAttest, Vault: s.centre.relay.ID, Object: []byte("end " + number)}, body)
	require.NoError(t, err)
	record, err := seal.Marshal(struct {
		Signed     []byte `cbor:"1,keyasint"`
		Credential []byte `cbor:"2,keyasint"`
	}{signed, credential})
	require.NoError(t, err)
	for _, forged := range [][]byte{[]byte("no end"), record} {
		set(t, s.town, "svc/seen/e/"+s.centre.relay.ID.String()+"/"+number, forged)
		_, err = s.service.CheckAttestation(t.Context(), now.Token)
		require.NoError(t, err)
	}
}

// Who has left can still sign as who they were, and a post of before the keys changed is a
// post of nothing: neither ends the key that was made since (N81).
func TestWhoLeftEndsNoKeyThatWasMadeSince(t *testing.T) {
	t.Parallel()
	s := newSeen(t)
	paul := s.centre.Hire(t, "Paul", consent.RoleHelp)
	left, stale := paul.At(t, s.centre.Relay), s.post(t)
	oldID, kept, err := consent.AttestKeyOf(t.Context(), left)
	require.NoError(t, err)
	_, err = s.centre.Desk(t).Remove(t.Context(), paul.ID())
	require.NoError(t, err)
	now, err := s.post(t).Attest(t.Context(), s.openAmina(t), held(s.item))
	require.NoError(t, err)
	id, err := seal.TokenKeyID(now.Token)
	require.NoError(t, err)
	require.NotEqual(t, oldID, id)
	_, number, _ := strings.Cut(id, ".")

	for _, of := range []*consent.Post{left, stale} {
		_, _, err = consent.AttestKeyOf(t.Context(), of)
		require.ErrorIs(t, err, vault.ErrEnded)
		for name, own := range map[string]func() (string, error){
			"no word of the key": func() (string, error) { return "", nil },
			"by another key": func() (string, error) {
				return kept.SignToken(id, "seen-ended+jwt", map[string]string{"iss": s.centre.relay.ID.String(), "until": "1"})
			},
			"what the key said of a paper": func() (string, error) { return now.Token, nil },
		} {
			word, err := own()
			require.NoError(t, err)
			set(t, s.town, "svc/seen/e/"+s.centre.relay.ID.String()+"/"+number, s.ended(t, of, number, word))
			_, err = s.service.CheckAttestation(t.Context(), now.Token)
			require.NoError(t, err, name)
		}
	}
}

// ended is a record of the end of a key in 1970, signed by whoever is at a post.
func (s *seen) ended(t *testing.T, by *consent.Post, number, word string) []byte {
	t.Helper()
	body, err := seal.Marshal(struct {
		Until int64 `cbor:"1,keyasint"`
	}{1})
	require.NoError(t, err)
	signed, credential, err := by.Sign(seal.Context{Type: seal.TypeAttest, Vault: s.centre.relay.ID, Object: []byte("end " + number)}, body)
	require.NoError(t, err)
	record, err := seal.Marshal(struct {
		Signed     []byte `cbor:"1,keyasint"`
		Credential []byte `cbor:"2,keyasint"`
		Own        string `cbor:"3,keyasint"`
	}{signed, credential, word})
	require.NoError(t, err)
	return record
}

// What the store put where the end of a key is to lie is written over (N81).
func TestJunkHidesNoEndOfAKey(t *testing.T) {
	t.Parallel()
	s := newSeen(t)
	paul := s.centre.Hire(t, "Paul", consent.RoleHelp)
	left := paul.At(t, s.centre.Relay)
	id, kept, err := consent.AttestKeyOf(t.Context(), left)
	require.NoError(t, err)
	_, number, _ := strings.Cut(id, ".")
	set(t, s.town, "svc/seen/e/"+s.centre.relay.ID.String()+"/"+number, s.ended(t, left, number, "junk"))
	_, err = s.centre.Desk(t).Remove(t.Context(), paul.ID())
	require.NoError(t, err)
	claims := s.theClaims(s.centre.relay.ID)
	claims["day"] = s.Clock.Now().AddDate(0, 0, 1).Format(time.DateOnly)
	token, err := kept.SignToken(id, "seen+jwt", claims)
	require.NoError(t, err)
	_, err = s.service.CheckAttestation(t.Context(), token)
	require.ErrorIs(t, err, consent.ErrNotAttested)
}

// A private key that is none signs nothing: it is thrown away, and locks nobody out of a
// relay whose keys have changed (N102).
func TestAJunkKeyForAttestationsLocksNobodyOut(t *testing.T) {
	t.Parallel()
	s := newSeen(t)
	paul := s.centre.Hire(t, "Paul", consent.RoleHelp)
	for _, key := range [][]byte{[]byte("junk"), seal.NewTokenKey().Bytes()} {
		data, err := seal.Marshal(struct {
			Key    []byte   `cbor:"1,keyasint"`
			Number string   `cbor:"2,keyasint"`
			Inbox  [32]byte `cbor:"3,keyasint"`
		}{key, strings.Repeat("x", 5000), [32]byte{1}})
		require.NoError(t, err)
		_, err = paul.At(t, s.centre.Relay).Space().TakeData(t.Context(), "attest", append([]byte{8}, data...), vault.Place{Compartment: vault.Shared}, nil)
		require.NoError(t, err)
	}
	_, err := s.centre.Desk(t).Remove(t.Context(), paul.ID())
	require.NoError(t, err)
	_, _, err = consent.AttestKeyOf(t.Context(), s.post(t))
	require.NoError(t, err)
}

func TestAKeyEndsWithItsRelay(t *testing.T) {
	t.Parallel()
	s := newSeen(t)
	id, kept, err := consent.AttestKeyOf(t.Context(), s.post(t))
	require.NoError(t, err)
	gone := s.centre.relay
	gone.Withdrawn = "2026-03-02"
	s.publish(t, consent.Change{Relay: &gone})
	for day, is := range map[string]error{"2026-03-02": nil, "2026-03-03": consent.ErrNotAttested} {
		claims := s.theClaims(s.centre.relay.ID)
		claims["day"] = day
		token, err := kept.SignToken(id, "seen+jwt", claims)
		require.NoError(t, err)
		_, err = s.service.CheckAttestation(t.Context(), token)
		require.ErrorIs(t, err, is, day)
	}
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
